// How gradients that reach a tensor on several paths are summed.
#pragma once

#include "engine/tensor.h"

namespace sec::layers {

// into += gradient, both of one shape: the function that a Tape is constructed with,
// Tape tape(stream, layers::accumulate).
void accumulate(Stream& stream, Tensor& into, const Tensor& gradient);

}  // namespace sec::layers
