// How much a figure depends on which patients happened to be recorded.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "train/scoring/metrics.h"

namespace sec::train {

struct Range95 {
  double low = 0;
  double high = 0;  // 2.5 % and 97.5 % of the resamples; NaN where fewer than half of them define the figure
};

constexpr int bootstrap_resamples = 1000;  // of what is reported

struct AucIntervals {
  std::vector<Range95> classes;
  Range95 macro;
};

// Percentile bootstrap of the one-against-the-rest AUC: patients, not beats, are drawn with replacement,
// because a patient's beats are alike. `groups` holds each beat's patient, 0 to n - 1. The same seed gives
// the same intervals. Probabilities and labels as for one_vs_rest_auc.
AucIntervals bootstrap_auc(std::span<const float> probabilities, std::span<const std::int32_t> labels,
                           std::span<const std::int32_t> groups, std::size_t classes, int resamples,
                           std::uint64_t seed);

// The same of multi_label_auc: `targets` is (N, classes).
AucIntervals bootstrap_multi_label_auc(std::span<const float> probabilities, std::span<const float> targets,
                                       std::span<const std::int32_t> groups, std::size_t classes,
                                       int resamples, std::uint64_t seed);

struct F1Intervals {
  std::vector<Range95> classes;
  Range95 macro;
};

// The same of the F1 of the first `classes` classes, as score_first_classes gives them: patients, each with
// all beats that are his, are drawn with replacement. All confusions have the same classes.
F1Intervals bootstrap_f1(std::span<const Confusion> patients, int classes, int resamples, std::uint64_t seed);

}  // namespace sec::train
