// Sums the gradients that reach a tensor on several paths.
#pragma once

#include "engine/tensor.h"

namespace sec::layers {

// into += gradient; both tensors have the same shape. Pass this function to the constructor of a Tape:
// Tape tape(stream, layers::accumulate).
void accumulate(Stream& stream, Tensor& into, const Tensor& gradient);

}  // namespace sec::layers
