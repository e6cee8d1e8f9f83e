// The minimum that a training step moves through memory if everything between two convolutions happens while
// a tile is loaded or stored: the floor of bench/NOTES.md.
#pragma once

#include <cstdint>

#include "model/network.h"
#include "train/recipe/recipe.h"

namespace sec {

struct StepFloor {
  std::uint64_t activation_bytes = 0;
  std::uint64_t parameter_bytes = 0;
  std::uint64_t macs = 0;  // multiply-adds of the convolutions in all passes
  std::uint64_t bytes() const { return activation_bytes + parameter_bytes; }
};

// For n samples, with activations of the given type. Every convolution has three passes, each of which reads
// two operands once and writes its result once: forward (x, w, y), the gradient of x (gy, w, gx), which the
// first convolution does not need, and the gradient of w (x, gy, gw). A convolution with one tap reads only
// the time steps of x that it uses. Adam reads weights, gradients and two moments and writes all but the
// gradients. Clipping reads the gradients once more, as their norm must be known first. The moving average
// of the weights is read and written.
StepFloor step_floor(model::Network& network, std::int64_t n, DType activations,
                     const train::Recipe::Train& options, Stream& stream);

}  // namespace sec
