// Augmentation of training examples: its settings and its random numbers.
// The host's loader (train/data/augment.h) and the device kernel that gathers a batch
// (kernels/gather.h) draw their numbers by this file, so both produce the same batch.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

#include "engine/philox.h"

namespace sec {

// The purpose of a random number: the `operation` of RandomKey{seed, step, operation}.
// The values start at 2^31 because the network's layers number their operations from 0.
enum class Draw : std::uint32_t {
  order = 0x80000000U,  // the order of the examples; the key's step is the epoch
  scale,                // for this and all purposes below the key's step is the training step
  noise_level,
  noise,
  wander_amplitude,
  wander_frequency,
  wander_phase,
  shift,
  lead_drop,
  covariate_noise,
  covariate_drop,
  rhythm_noise,
  gain_noise_level,
  gain_noise,
  offset,
  crop,
};

// The RandomKey element for number `i` of the example at position `slot` of its batch.
// An example can draw at most 2^24 numbers for each purpose.
SEC_HOST_DEVICE inline std::uint64_t element_of(std::uint64_t slot, std::uint64_t i) {
  return (slot << 24) + i;
}

// Uniform in [0, 1) with all 53 bits of a double.
SEC_HOST_DEVICE inline double uniform53(const RandomKey& key, std::uint64_t element) {
  const PhiloxBlock block = random_block(key, element);
  const std::uint64_t bits = (std::uint64_t{block.word[0]} << 32 | block.word[1]) >> 11;
  return static_cast<double>(bits) * 0x1p-53;
}

// A standard normal number (Box & Muller 1958).
SEC_HOST_DEVICE inline float normal(const RandomKey& key, std::uint64_t element) {
  const PhiloxBlock block = random_block(key, element);
  const double u = 1.0 - static_cast<double>(to_unit(block.word[0]));  // in (0, 1]
  const double angle = 2 * std::numbers::pi * static_cast<double>(to_unit(block.word[1]));
  return static_cast<float>(std::sqrt(-2 * std::log(u)) * std::cos(angle));
}

// The frequency range of baseline wander in Hz, as breathing causes it.
inline constexpr double slowest_wander = 0.2, fastest_wander = 0.8;

namespace kernels {

// The settings of augmentation, as in a recipe (Recipe::Augment). 0 disables a change.
struct Augmentation {
  double scale = 0;
  double noise = 0;
  double gain_noise = 0;
  double offset = 0;
  double wander = 0;
  double lead_drop = 0;
  bool any_lead_drops = false;  // true: each lead may be dropped, but never all; false: only the second may
  double covariate_noise = 0;
  double covariate_drop = 0;
  std::int64_t shift = 0;  // the largest shift in time, in samples
  double rate = 1;         // sampling rate in Hz
};

// The random numbers of one example of a training batch.
struct ExampleRandom {
  std::uint64_t seed;
  std::uint32_t step;  // the training step
  std::uint64_t slot;  // the example's index in its batch

  SEC_HOST_DEVICE RandomKey key(Draw draw) const { return {seed, step, static_cast<std::uint32_t>(draw)}; }
  // A standard normal number.
  SEC_HOST_DEVICE float gaussian(Draw draw, std::uint64_t i) const {
    return normal(key(draw), element_of(slot, i));
  }
  // Uniform in [0, 1).
  SEC_HOST_DEVICE double uniform(Draw draw, std::uint64_t i) const {
    return uniform53(key(draw), element_of(slot, i));
  }
};

// The first sample of a crop, from 0 to `last`: all equally likely.
SEC_HOST_DEVICE inline std::int64_t crop_begin(const ExampleRandom& random, std::int64_t last) {
  return static_cast<std::int64_t>(random.uniform(Draw::crop, 0) * static_cast<double>(last + 1));
}

}  // namespace kernels
}  // namespace sec
