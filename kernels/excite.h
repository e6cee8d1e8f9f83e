// The excite half of squeeze-and-excite (Hu et al. 2018): from the mean of each of a sample's channels to a
// factor for each, through a hidden layer: factors = sigmoid(relu(means w1 + b1) w2 + b2).
#pragma once

#include "engine/tensor.h"

namespace sec::kernels {

struct ExciteShape {
  std::int64_t n, c;    // samples, channels
  std::int64_t hidden;  // units of the hidden layer, Hid
};

struct ExciteWeights {
  ConstSpan w1;  // (C, Hid) f32
  ConstSpan b1;  // (Hid) f32
  ConstSpan w2;  // (Hid, C) f32
  ConstSpan b2;  // (C) f32
};

// Of the weights' shapes.
struct ExciteGradients {
  Span w1, b1, w2, b2;
};

struct ExciteKernels {
  void (*forward)(Stream& stream, const ExciteShape& shape,
                  ConstSpan means,  // (N, C)
                  const ExciteWeights& weights,
                  Span hidden,    // (N, Hid) f32, after the ReLU: what backward wants
                  Span factors);  // (N, C)

  // Overwrites gmeans, adds to the weights' gradients.
  void (*backward)(Stream& stream, const ExciteShape& shape,
                   ConstSpan means,  // (N, C)
                   const ExciteWeights& weights,
                   ConstSpan hidden,    // (N, Hid) f32
                   ConstSpan factors,   // (N, C)
                   ConstSpan gfactors,  // (N, C)
                   Span gmeans,         // (N, C)
                   const ExciteGradients& gradients);
};

}  // namespace sec::kernels
