// The training pipeline's random numbers: counter-based, so that a batch is a pure function of seed, epoch
// and step, whichever thread makes it and whether or not the run was resumed in between.
#pragma once

#include <cstdint>

#include "kernels/augmentation.h"

namespace sec::train {

inline RandomKey random_key(std::uint64_t seed, std::int64_t step, Draw draw) {
  return {seed, static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(draw)};
}

}  // namespace sec::train
