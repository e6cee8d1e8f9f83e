// Compares predictions of several runs for the same examples: is the difference of a score more than chance? Patients are
// drawn with replacement, and both sides are scored on each draw. Where a side has runs with several seeds, its runs are
// drawn, too.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "train/scoring/bootstrap.h"

namespace sec::train {

// The examples that both sets of predictions are about. Beats have one class, recordings any number.
struct ComparedExamples {
  std::vector<std::string> classes;
  std::vector<std::int32_t> patients;  // (N), from 0 to one less than their number
  std::vector<std::uint8_t> truth;     // (N, classes), 0 or 1
};

struct ComparedPredictions {
  std::vector<std::uint8_t> decision;  // (N, classes), 0 or 1
  std::vector<float> probability;      // (N, classes)
};

// One side of a comparison, as indices of runs. Its score is the mean over `runs`.
struct ComparedSide {
  std::vector<std::size_t> runs;
  std::vector<std::size_t>
      drawn_from;  // runs of the same recipe, with other seeds; as many are drawn as `runs` has
};

struct PairedScore {
  std::string name;  // "macro F1", "accuracy", "macro AUC", "F1 of S", "AUC of S"
  double first = 0;  // of each side, on all examples; NaN where undefined
  double second = 0;
  Range95 difference;  // 95 % interval of second - first; NaN where unknown, as with a single patient
  double p =
      1;  // two-sided: twice the smaller share of resamples on one side of 0, each counted with one more

  // Whether the interval holds 0. True also where nothing is known.
  bool within_chance() const { return !(difference.low > 0) && !(difference.high < 0); }
};

// F1 is that of each class against all others; macro F1 and macro AUC are means over the classes that occur. Accuracy is
// the share of examples whose decision has exactly the true classes. The same seed gives the same intervals.
std::vector<PairedScore> compare_predictions(const ComparedExamples& examples,
                                             std::span<const ComparedPredictions> runs,
                                             const ComparedSide& first, const ComparedSide& second,
                                             int resamples, std::uint64_t seed);

}  // namespace sec::train
