// Random changes to a training example that do not change its class.
#pragma once

#include <cstdint>
#include <span>

#include "train/data/beat_dataset.h"

namespace sec::train {

// Changes one beat in place: a pure function of its arguments. `slot` is the beat's place in the batch of
// training step `step`. The channels of one lead get the same scale; rhythm strips are not moved or scaled,
// they get covariate noise, one value a stretch.
void augment_beat(const Recipe::Augment& options, const std::vector<Channel>& channels,
                  std::int64_t windows,  // of a sequence of beats, one after the other in x
                  double rate, std::uint64_t seed, std::int64_t step, std::int64_t slot,
                  std::span<float> x,            // (L, H)
                  std::span<float> covariates);  // (K)

// The same for a whole recording, `rate` being samples a second of x: leads are scaled, lost and so on each
// by itself, all are moved alike, and one lead at least is not lost.
void augment_recording(const Recipe::Augment& options, std::size_t leads, double rate, std::uint64_t seed,
                       std::int64_t step, std::int64_t slot,
                       std::span<float> x,            // (L, H)
                       std::span<float> covariates);  // (K)

}  // namespace sec::train
