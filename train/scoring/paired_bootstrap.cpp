#include "train/scoring/paired_bootstrap.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "train/scoring/resampling.h"

namespace sec::train {
namespace {

// What F1 and accuracy need of one patient's examples, or of a resample.
struct Counts {
  std::vector<std::int64_t> hits, missed,
      stated;  // (classes): true positives, false negatives, false positives
  std::int64_t right = 0, examples = 0;

  explicit Counts(std::size_t classes) : hits(classes), missed(classes), stated(classes) {}

  void add(const Counts& other, std::int64_t times) {
    for (std::size_t c = 0; c < hits.size(); ++c) {
      hits[c] += times * other.hits[c];
      missed[c] += times * other.missed[c];
      stated[c] += times * other.stated[c];
    }
    right += times * other.right;
    examples += times * other.examples;
  }
};

// One set of predictions, prepared for scoring on resamples.
class Prepared {
 public:
  Prepared(const ComparedExamples& examples, const ComparedPredictions& predictions, std::size_t patients)
      : examples_(examples), classes_(examples.classes.size()), by_patient_(patients, Counts(classes_)) {
    const std::size_t n = examples.patients.size();
    for (std::size_t i = 0; i < n; ++i) {
      Counts& counts = by_patient_[static_cast<std::size_t>(examples.patients[i])];
      bool right = true;
      for (std::size_t c = 0; c < classes_; ++c) {
        const bool is = examples.truth[i * classes_ + c] != 0;
        const bool said = predictions.decision[i * classes_ + c] != 0;
        counts.hits[c] += is && said ? 1 : 0;
        counts.missed[c] += is && !said ? 1 : 0;
        counts.stated[c] += !is && said ? 1 : 0;
        right = right && is == said;
      }
      counts.right += right ? 1 : 0;
      ++counts.examples;
    }
    for (std::size_t c = 0; c < classes_; ++c) {
      rankings_.push_back(ranking_of(predictions.probability, n, classes_, c));
    }
  }

  // Scores in the order of names_of().
  std::vector<double> score(std::span<const std::int64_t> times) const {
    Counts sum(classes_);
    for (std::size_t p = 0; p < by_patient_.size(); ++p) {
      sum.add(by_patient_[p], times[p]);
    }
    std::vector<double> f1;
    std::vector<double> auc;
    for (std::size_t c = 0; c < classes_; ++c) {
      const bool occurs = sum.hits[c] + sum.missed[c] > 0;
      const auto hits = static_cast<double>(2 * sum.hits[c]);
      f1.push_back(occurs ? hits / (hits + static_cast<double>(sum.missed[c] + sum.stated[c]))
                          : std::nan(""));
      auc.push_back(weighted_auc(rankings_[c], examples_.patients, times,
                                 [&](std::size_t i) { return examples_.truth[i * classes_ + c] != 0; }));
    }
    std::vector<double> scores = {
        mean_of(f1), static_cast<double>(sum.right) / static_cast<double>(sum.examples), mean_of(auc)};
    scores.insert(scores.end(), f1.begin(), f1.end());
    scores.insert(scores.end(), auc.begin(), auc.end());
    return scores;
  }

 private:
  // Of the defined values; NaN without one.
  static double mean_of(const std::vector<double>& values) {
    double sum = 0;
    int defined = 0;
    for (const double value : values) {
      sum += std::isnan(value) ? 0 : value;
      defined += std::isnan(value) ? 0 : 1;
    }
    return sum / defined;
  }

  const ComparedExamples& examples_;
  std::size_t classes_;
  std::vector<Counts> by_patient_;
  std::vector<Ranking> rankings_;
};

std::vector<std::string> names_of(const std::vector<std::string>& classes) {
  std::vector<std::string> names = {"macro F1", "accuracy", "macro AUC"};
  for (const char* score : {"F1 of ", "AUC of "}) {
    for (const std::string& name : classes) {
      names.push_back(score + name);
    }
  }
  return names;
}

double two_sided(const std::vector<double>& differences) {
  double below = 0, above = 0, defined = 0;
  for (const double d : differences) {
    below += d <= 0 ? 1 : 0;
    above += d >= 0 ? 1 : 0;
    defined += std::isnan(d) ? 0 : 1;
  }
  return defined == 0 ? 1 : std::min(1.0, 2 * (std::min(below, above) + 1) / (defined + 1));
}

// As many runs as the side has, drawn with replacement. A single run needs no draw.
std::vector<std::size_t> draw_runs(const ComparedSide& side, std::mt19937_64& random) {
  std::vector<std::size_t> drawn;
  for (std::size_t i = 0; i < side.runs.size(); ++i) {
    const std::size_t count = side.drawn_from.size();
    drawn.push_back(side.drawn_from[count == 1 ? 0 : random() % count]);
  }
  return drawn;
}

std::vector<double> mean_score(const std::vector<Prepared>& runs, const std::vector<std::size_t>& of,
                               std::span<const std::int64_t> times) {
  std::vector<double> mean;
  for (const std::size_t run : of) {
    const std::vector<double> scores = runs[run].score(times);
    mean.resize(scores.size());
    for (std::size_t s = 0; s < scores.size(); ++s) {
      mean[s] += scores[s] / static_cast<double>(of.size());
    }
  }
  return mean;
}

}  // namespace

std::vector<PairedScore> compare_predictions(const ComparedExamples& examples,
                                             std::span<const ComparedPredictions> runs,
                                             const ComparedSide& first, const ComparedSide& second,
                                             int resamples, std::uint64_t seed) {
  const std::size_t patients =
      examples.patients.empty() ? 0 : static_cast<std::size_t>(std::ranges::max(examples.patients)) + 1;
  std::vector<Prepared> prepared;
  for (const ComparedPredictions& run : runs) {
    prepared.emplace_back(examples, run, patients);
  }
  const std::vector<std::string> names = names_of(examples.classes);
  const std::vector<std::int64_t> once(patients, 1);
  const std::vector<double> all_first = mean_score(prepared, first.runs, once);
  const std::vector<double> all_second = mean_score(prepared, second.runs, once);
  std::vector<std::vector<double>> differences(names.size());
  std::mt19937_64 random(seed);
  for (int r = 0; r < resamples && patients > 1; ++r) {  // one patient's resample is that patient again
    const std::vector<std::int64_t> times = draw_patients(patients, random);
    const std::vector<double> of_first = mean_score(prepared, draw_runs(first, random), times);
    const std::vector<double> of_second = mean_score(prepared, draw_runs(second, random), times);
    for (std::size_t s = 0; s < names.size(); ++s) {
      differences[s].push_back(of_second[s] - of_first[s]);
    }
  }
  std::vector<PairedScore> scores;
  for (std::size_t s = 0; s < names.size(); ++s) {
    const double p = two_sided(differences[s]);
    scores.push_back({names[s], all_first[s], all_second[s], percentiles(std::move(differences[s])), p});
  }
  return scores;
}

}  // namespace sec::train
