// The area under the ROC curve: the share of the pairs of a beat of a class and one of another in which the
// former has the higher score; a tie counts half (Hanley & McNeil 1982). Counts are whole numbers, so every
// device gives the same bits.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/device.h"

namespace sec::train {

struct Auc {
  std::vector<double>
      classes;       // each class against all the rest; NaN without a beat of the class or of the rest
  double macro = 0;  // the mean of those that are defined; NaN if none is
};

// `probabilities` is (beats, classes); a label of -1 is a beat of none of the classes: of the rest, for each.
// Sorts on the stream's device. Throws Error on a probability that is not a number, and on labels out of
// range.
Auc one_vs_rest_auc(Stream& stream, std::span<const float> probabilities,
                    std::span<const std::int32_t> labels, std::size_t classes);

// The same where an example can be of several classes: `targets` is (N, classes), 1 or 0. Scores need not be
// probabilities: their order counts.
Auc multi_label_auc(Stream& stream, std::span<const float> probabilities, std::span<const float> targets,
                    std::size_t classes);

namespace cuda {
// Over all positives, the number of negatives below plus the number below or equal: twice the pairs won.
std::int64_t twice_pairs_won(Stream& stream, std::span<const float> positives,
                             std::span<const float> negatives);
}  // namespace cuda

}  // namespace sec::train
