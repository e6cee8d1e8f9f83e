// Keys of the training pipeline's counter-based random numbers.
// A batch is a pure function of seed, epoch and step.
// The thread that makes the batch and interruptions of the run do not matter.
#pragma once

#include <cstdint>

#include "kernels/augmentation.h"

namespace sec::train {

inline RandomKey random_key(std::uint64_t seed, std::int64_t step, Draw draw) {
  return {seed, static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(draw)};
}

}  // namespace sec::train
