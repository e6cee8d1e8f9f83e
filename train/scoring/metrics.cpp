#include "train/scoring/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/error.h"

namespace sec::train {
namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

double ratio(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : undefined;
}

// Scores the first `count` classes over the beats whose true class is one of these.
Scores score_rows(const Confusion& all, int count) {
  Scores scores{Confusion({all.classes().begin(), all.classes().begin() + count}), {}, 0, 0, 0};
  std::int64_t total = 0;
  std::int64_t right = 0;
  std::int64_t called = 0;
  double sum_f1 = 0;
  for (int c = 0; c < count; ++c) {
    std::int64_t predicted = 0;
    for (int truth = 0; truth < count; ++truth) {
      predicted += all.at(truth, c);
      scores.confusion.add(truth, c, all.at(truth, c));
    }
    const std::int64_t hits = all.at(c, c);
    ClassScore s{all.classes()[static_cast<std::size_t>(c)], all.true_count(c), predicted};
    s.sensitivity = ratio(hits, s.beats);
    s.precision = ratio(hits, predicted);
    s.f1 = ratio(2 * hits, s.beats + predicted);
    if (s.beats > 0) {
      sum_f1 += s.f1;
      ++scores.occurring;
    }
    total += s.beats;
    right += hits;
    called += predicted;
    scores.classes.push_back(s);
  }
  scores.accuracy = ratio(right, total);
  scores.micro_f1 = ratio(2 * right, total + called);
  scores.macro_f1 = scores.occurring > 0 ? sum_f1 / scores.occurring : undefined;
  return scores;
}

}  // namespace

Confusion::Confusion(std::vector<std::string> classes)
    : classes_(std::move(classes)), counts_(classes_.size() * classes_.size()) {}

std::size_t Confusion::index(int truth, int predicted) const {
  require(truth >= 0 && truth < size() && predicted >= 0 && predicted < size(),
          "confusion matrix: cell ({}, {}) is outside its {} classes", truth, predicted, size());
  return static_cast<std::size_t>(truth) * classes_.size() + static_cast<std::size_t>(predicted);
}

void Confusion::add(int truth, int predicted, std::int64_t count) {
  counts_[index(truth, predicted)] += count;
}

Confusion& Confusion::operator+=(const Confusion& other) {
  require(classes_ == other.classes_, "confusion matrix: cannot add one of {} classes to one of {}",
          other.size(), size());
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    counts_[i] += other.counts_[i];
  }
  return *this;
}

std::int64_t Confusion::total() const {
  std::int64_t sum = 0;
  for (const std::int64_t count : counts_) {
    sum += count;
  }
  return sum;
}

std::int64_t Confusion::true_count(int c) const {
  std::int64_t sum = 0;
  for (int predicted = 0; predicted < size(); ++predicted) {
    sum += at(c, predicted);
  }
  return sum;
}

std::int64_t Confusion::predicted_count(int c) const {
  std::int64_t sum = 0;
  for (int truth = 0; truth < size(); ++truth) {
    sum += at(truth, c);
  }
  return sum;
}

Scores score(const Confusion& confusion) {
  return score_rows(confusion, confusion.size());
}

std::string only_class(const Scores& scores) {
  const auto occurs = [](const ClassScore& c) { return c.beats > 0; };
  return scores.occurring == 1 ? std::ranges::find_if(scores.classes, occurs)->name : "";
}

std::int64_t read_as_other(const Scores& scores, int truth) {
  return scores.classes[static_cast<std::size_t>(truth)].beats - scores.confusion.true_count(truth);
}

Scores score_first_classes(const Confusion& five, int count) {
  require(count >= 1 && count <= five.size(), "scores over {} of {} classes asked for", count, five.size());
  return score_rows(five, count);
}

}  // namespace sec::train
