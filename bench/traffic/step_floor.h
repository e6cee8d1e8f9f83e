// What a training step has to move through memory at least, if all that lies between two convolutions happens
// while a tile is loaded or stored: the floor of bench/NOTES.md.
#pragma once

#include <cstdint>

#include "model/network.h"
#include "train/recipe/recipe.h"

namespace sec {

struct StepFloor {
  std::uint64_t activation_bytes = 0;
  std::uint64_t parameter_bytes = 0;
  std::uint64_t macs = 0;  // of the convolutions, in all passes
  std::uint64_t bytes() const { return activation_bytes + parameter_bytes; }
};

// For n samples, with activations of a type. Every convolution has three passes, of which each reads its two
// operands once and writes its result once: forward (x, w, y), the gradient of x (gy, w, gx), which a
// convolution of the network's input does without, and that of w (x, gy, gw). A convolution of one tap reads
// only the steps of x that it uses. Adam reads weights, gradients and two moments and writes all but the
// gradients; clipping reads the gradients before it, as no weight can move until their norm is known; the
// weights' moving average is read and written.
StepFloor step_floor(model::Network& network, std::int64_t n, DType activations,
                     const train::Recipe::Train& options, Stream& stream);

}  // namespace sec
