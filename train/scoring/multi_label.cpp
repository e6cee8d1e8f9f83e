#include "train/scoring/multi_label.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/error.h"

namespace sec::train {
namespace {

struct Counts {
  std::int64_t hits = 0;       // true positives
  std::int64_t positives = 0;  // true positives and false negatives
  std::int64_t predicted = 0;  // true and false positives

  void add(bool truth, bool stated) {
    hits += truth && stated ? 1 : 0;
    positives += truth ? 1 : 0;
    predicted += stated ? 1 : 0;
  }
  double f1() const { return 2 * static_cast<double>(hits) / static_cast<double>(positives + predicted); }
};

// NaN if both are 0.
double share(std::int64_t part, std::int64_t whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

float best_threshold(std::span<const float> logits, std::span<const float> targets, std::size_t classes,
                     std::size_t c) {
  std::vector<std::size_t> order(logits.size() / classes);
  std::iota(order.begin(), order.end(), 0);
  const auto logit = [&](std::size_t i) { return logits[i * classes + c]; };
  std::ranges::stable_sort(order, std::greater<>(), logit);
  Counts counts;
  for (const std::size_t i : order) {
    counts.positives += targets[i * classes + c] > 0 ? 1 : 0;
  }
  float best = 0;
  double best_f1 = 0;
  for (std::size_t k = 0; k < order.size();
       ++k) {  // the class is predicted for examples order[0] to order[k]
    counts.hits += targets[order[k] * classes + c] > 0 ? 1 : 0;
    counts.predicted = static_cast<std::int64_t>(k) + 1;
    const bool last = k + 1 == order.size();
    if ((!last && logit(order[k + 1]) == logit(order[k])) || !(counts.f1() > best_f1)) {
      continue;
    }
    best_f1 = counts.f1();
    best = last ? std::nextafter(logit(order[k]), -INFINITY)
                : logit(order[k + 1]) + (logit(order[k]) - logit(order[k + 1])) / 2;
  }
  return best;
}

void require_shapes(std::span<const float> logits, std::span<const float> targets, std::size_t classes) {
  require(classes > 0 && logits.size() == targets.size() && logits.size() % classes == 0,
          "scores: {} logits and {} targets of {} classes", logits.size(), targets.size(), classes);
}

}  // namespace

std::vector<float> best_thresholds(std::span<const float> logits, std::span<const float> targets,
                                   std::size_t classes) {
  require_shapes(logits, targets, classes);
  std::vector<float> thresholds;
  for (std::size_t c = 0; c < classes; ++c) {
    thresholds.push_back(best_threshold(logits, targets, classes, c));
  }
  return thresholds;
}

MultiLabelScores score_labels(const std::vector<std::string>& classes, std::span<const float> logits,
                              std::span<const float> targets, std::span<const float> thresholds) {
  const std::size_t width = classes.size();
  require_shapes(logits, targets, width);
  require(thresholds.size() == width, "scores: {} thresholds of {} classes", thresholds.size(), width);
  MultiLabelScores scores;
  scores.recordings = static_cast<std::int64_t>(logits.size() / width);
  Counts all;
  double sum = 0;
  for (std::size_t c = 0; c < width; ++c) {
    Counts counts;
    for (std::size_t i = c; i < logits.size(); i += width) {
      counts.add(targets[i] > 0, logits[i] > thresholds[c]);
    }
    all.hits += counts.hits;
    all.positives += counts.positives;
    all.predicted += counts.predicted;
    scores.classes.push_back({classes[c], counts.positives, counts.predicted, counts.hits,
                              1 / (1 + std::exp(-static_cast<double>(thresholds[c]))),
                              share(counts.hits, counts.positives), share(counts.hits, counts.predicted),
                              counts.f1()});
    if (counts.positives > 0) {
      sum += counts.f1();
      ++scores.occurring;
    }
  }
  scores.micro_f1 = all.f1();
  scores.macro_f1 = sum / scores.occurring;  // NaN if no label occurs
  return scores;
}

std::string only_class(const MultiLabelScores& scores) {
  const auto occurs = [](const LabelScore& c) { return c.positives > 0; };
  return scores.occurring == 1 && scores.classes.size() > 1
             ? std::ranges::find_if(scores.classes, occurs)->name
             : "";
}

double batch_micro_f1(std::span<const float> logits, std::span<const float> targets, std::size_t classes,
                      std::size_t batch) {
  require_shapes(logits, targets, classes);
  double sum = 0;
  int batches = 0;
  for (std::size_t begin = 0; begin < logits.size(); begin += batch * classes, ++batches) {
    Counts counts;
    for (std::size_t i = begin; i < std::min(begin + batch * classes, logits.size()); ++i) {
      counts.add(targets[i] > 0, logits[i] > 0);
    }
    sum += counts.positives + counts.predicted > 0 ? counts.f1() : 0;
  }
  return sum / batches;
}

}  // namespace sec::train
