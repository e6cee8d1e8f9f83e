// How much a figure depends on which patients happened to be recorded.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace sec::train {

struct Range95 {
  double low = 0;
  double high = 0;  // 2.5 % and 97.5 % of the resamples; NaN where fewer than half of them define the figure
};

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

}  // namespace sec::train
