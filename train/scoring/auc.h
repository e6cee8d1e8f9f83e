// The area under the ROC curve (AUC) is a share of all pairs of a positive and a negative example:
// those in which the positive example has the higher score. A tie counts half (Hanley & McNeil 1982).
// Pairs are counted in integers, so every device gives bitwise equal results.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/device.h"

namespace sec::train {

struct Auc {
  std::vector<double> classes;  // AUC of each class against all others; NaN without positives or negatives
  double macro = 0;             // mean of the defined AUCs; NaN if none is defined
};

// `probabilities` is (beats, classes).
// A beat with label -1 has none of the classes: it is a negative for all. Sorts on the stream's device.
// Throws Error on NaN probabilities and on labels out of range.
Auc one_vs_rest_auc(Stream& stream, std::span<const float> probabilities,
                    std::span<const std::int32_t> labels, std::size_t classes);

// The AUC of examples that can have several classes. `probabilities` and `targets` (0 or 1) are (N, classes).
// Only the order of the scores matters, so they need not be probabilities.
Auc multi_label_auc(Stream& stream, std::span<const float> probabilities, std::span<const float> targets,
                    std::size_t classes);

namespace cuda {
// Twice the number of (positive, negative) pairs that the positive wins, where a tie counts half.
std::int64_t twice_pairs_won(Stream& stream, std::span<const float> positives,
                             std::span<const float> negatives);
}  // namespace cuda

}  // namespace sec::train
