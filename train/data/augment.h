// Random changes to a training example that do not change its class.
#pragma once

#include <cstdint>
#include <span>

#include "train/data/beat_dataset.h"

namespace sec::train {

// Augments one beat in place: a pure function of its arguments.
// `slot` is the beat's place in the batch of training step `step`. All channels of a lead get the same scale.
// Rhythm strips are not shifted or scaled; they get covariate noise, one value per segment.
void augment_beat(
    const Recipe::Augment& options, const std::vector<Channel>& channels,
    std::int64_t windows,  // number of beats in the sequence; their windows follow each other in x
    double rate, std::uint64_t seed, std::int64_t step, std::int64_t slot,
    std::span<float> x,            // (L, H)
    std::span<float> covariates);  // (K)

// Augments a whole recording in place; `rate` is the sampling rate of x in Hz.
// Each lead is scaled, dropped and otherwise changed independently, but all are shifted by the same time.
// At least one lead is kept.
void augment_recording(const Recipe::Augment& options, std::size_t leads, double rate, std::uint64_t seed,
                       std::int64_t step, std::int64_t slot,
                       std::span<float> x,            // (L, H)
                       std::span<float> covariates);  // (K)

}  // namespace sec::train
