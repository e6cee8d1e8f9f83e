// The training pipeline's random numbers: counter-based, so that a batch is a pure function of seed, epoch
// and step, whichever thread makes it and whether or not the run was resumed in between.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

#include "engine/philox.h"

namespace sec::train {

// What draws from RandomKey{seed, step, operation}. The network's layers count their operations from 0.
enum class Draw : std::uint32_t {
  order = 0x80000000U,  // step: the epoch
  scale,                // from here on, step: the training step
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
};

inline RandomKey random_key(std::uint64_t seed, std::int64_t step, Draw draw) {
  return {seed, static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(draw)};
}

// Uniform in [0, 1) with all 53 bits of a double.
inline double uniform53(const RandomKey& key, std::uint64_t element) {
  const PhiloxBlock block = random_block(key, element);
  const std::uint64_t bits = (std::uint64_t{block.word[0]} << 32 | block.word[1]) >> 11;
  return static_cast<double>(bits) * 0x1p-53;
}

// Standard normal (Box & Muller 1958).
inline float normal(const RandomKey& key, std::uint64_t element) {
  const PhiloxBlock block = random_block(key, element);
  const double u = 1.0 - static_cast<double>(to_unit(block.word[0]));  // in (0, 1]
  const double angle = 2 * std::numbers::pi * static_cast<double>(to_unit(block.word[1]));
  return static_cast<float>(std::sqrt(-2 * std::log(u)) * std::cos(angle));
}

}  // namespace sec::train
