// Random changes to a training beat that do not change its class.
#pragma once

#include <cstdint>
#include <span>

#include "train/inputs.h"

namespace sec::train {

// Changes one beat in place: a pure function of its arguments. `slot` is the beat's place in the batch of
// training step `step`. The channels of one lead get the same scale; rhythm strips are not moved or scaled,
// they get covariate noise, one value a stretch.
void augment_beat(const Recipe::Augment& options, const std::vector<Channel>& channels,
                  std::int64_t windows,  // of a sequence of beats, one after the other in x
                  double rate, std::uint64_t seed, std::int64_t step, std::int64_t slot,
                  std::span<float> x,            // (L, H)
                  std::span<float> covariates);  // (K)

}  // namespace sec::train
