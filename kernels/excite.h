// The excite half of squeeze-and-excite (Hu et al. 2018). A hidden layer maps a sample's channel means to one
// factor per channel: factors = sigmoid(relu(means w1 + b1) w2 + b2).
#pragma once

#include <span>

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

// Gradients, shaped like the ExciteWeights.
struct ExciteGradients {
  Span w1, b1, w2, b2;
};

struct ExciteForward {
  ExciteShape shape;
  ConstSpan means;  // (N, C)
  ExciteWeights weights;
  Span hidden;   // (N, Hid) f32, after the ReLU; an input of backward
  Span factors;  // (N, C)
};

struct ExciteBackward {
  ExciteShape shape;
  ConstSpan means;  // (N, C)
  ExciteWeights weights;
  ConstSpan hidden;           // (N, Hid) f32
  ConstSpan factors;          // (N, C)
  ConstSpan gfactors;         // (N, C)
  Span gmeans;                // (N, C), overwritten
  ExciteGradients gradients;  // backward adds to these
};

// Each kernel processes a group, in one launch on devices where that is faster.
struct ExciteKernels {
  void (*forward_group)(Stream& stream, std::span<const ExciteForward> group);
  void (*backward_group)(Stream& stream, std::span<const ExciteBackward> group);

  // Single layers: groups of one.
  void forward(Stream& stream, const ExciteForward& one) const { forward_group(stream, {&one, 1}); }
  void backward(Stream& stream, const ExciteBackward& one) const { backward_group(stream, {&one, 1}); }
};

}  // namespace sec::kernels
