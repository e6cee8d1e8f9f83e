// Bootstrap confidence intervals: how much a score depends on which patients happened to be recorded.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "train/scoring/metrics.h"

namespace sec::train {

// The 2.5 % and 97.5 % quantiles of a score over all resamples; NaN if fewer than half of them define it.
struct Range95 {
  double low = 0;
  double high = 0;
};

constexpr int bootstrap_resamples = 1000;  // number of resamples for reported intervals

struct AucIntervals {
  std::vector<Range95> classes;
  Range95 macro;
};

// Percentile bootstrap of one_vs_rest_auc().
// Because the beats of a patient are alike, patients rather than beats are drawn with replacement.
// `groups` holds each beat's patient, 0 to n - 1.
// The same seed gives the same intervals. Probabilities and labels are as for one_vs_rest_auc().
AucIntervals bootstrap_auc(std::span<const float> probabilities, std::span<const std::int32_t> labels,
                           std::span<const std::int32_t> groups, std::size_t classes, int resamples,
                           std::uint64_t seed);

// Percentile bootstrap of multi_label_auc() over patients; `targets` is (N, classes).
AucIntervals bootstrap_multi_label_auc(std::span<const float> probabilities, std::span<const float> targets,
                                       std::span<const std::int32_t> groups, std::size_t classes,
                                       int resamples, std::uint64_t seed);

struct F1Intervals {
  std::vector<Range95> classes;
  Range95 macro;
};

// Percentile bootstrap of the F1 of the first `classes` classes, scored by score_first_classes().
// Each element of `patients` is the confusion matrix of one patient; all matrices have the same classes.
F1Intervals bootstrap_f1(std::span<const Confusion> patients, int classes, int resamples, std::uint64_t seed);

}  // namespace sec::train
