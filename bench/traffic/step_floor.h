// The minimum that a training step moves through memory, the floor of bench/NOTES.md.
// Everything between two convolutions is assumed to happen while a tile is loaded or stored.
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

// For n samples, with activations of the given type. Every convolution has three passes.
// Each pass reads two operands once and writes its result once:
// forward (x, w, y), the gradient of x (gy, w, gx), and the gradient of w (x, gy, gw).
// The first convolution does not need the gradient of x.
// A convolution with one tap reads only the time steps of x that it uses.
// Adam reads weights, gradients and two moments and writes all but the gradients.
// Clipping reads the gradients once more, as their norm must be known first.
// The moving average of the weights is read and written.
StepFloor step_floor(model::Network& network, std::int64_t n, DType activations,
                     const train::Recipe::Train& options, Stream& stream);

}  // namespace sec
