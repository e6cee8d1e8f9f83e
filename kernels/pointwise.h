// Operations on each element, and the copies that put tensors side by side.
#pragma once

#include "engine/philox.h"
#include "engine/tensor.h"

namespace sec::kernels {

// The layout of a gate: one factor per (sample, channel), shared by all positions.
struct GateShape {
  std::int64_t n;
  std::int64_t positions;  // L * H
  std::int64_t c;
};

struct PointwiseKernels {
  void (*relu)(Stream& stream, ConstSpan x, Span y);
  // gx = gy where x > 0, else 0. The derivative at 0 is 0.
  void (*relu_backward)(Stream& stream, ConstSpan x, ConstSpan gy, Span gx);

  void (*sigmoid)(Stream& stream, ConstSpan x, Span y);
  void (*sigmoid_backward)(Stream& stream, ConstSpan y, ConstSpan gy, Span gx);  // from the output

  void (*add)(Stream& stream, ConstSpan a, ConstSpan b, Span y);
  void (*accumulate)(Stream& stream, ConstSpan x, Span y);  // y += x

  // Converts between f32 and bf16 (round to nearest, ties to even); copies between equal types.
  void (*cast)(Stream& stream, ConstSpan x, Span y);

  // y = x * gate
  void (*gate)(Stream& stream, const GateShape& shape,
               ConstSpan x,     // (N, positions, C)
               ConstSpan gate,  // (N, C)
               Span y);         // (N, positions, C)
  // Overwrites gx and ggate.
  void (*gate_backward)(Stream& stream, const GateShape& shape,
                        ConstSpan x,     // (N, positions, C)
                        ConstSpan gate,  // (N, C)
                        ConstSpan gy,    // (N, positions, C)
                        Span gx,         // (N, positions, C)
                        Span ggate);     // (N, C)

  // Copies columns [from, from + width) of x to columns [to, to + width) of y; the other columns of y stay.
  void (*copy_columns)(Stream& stream, std::int64_t rows, std::int64_t width, ConstSpan x,
                       std::int64_t x_columns, std::int64_t from,         // (rows, x_columns)
                       Span y, std::int64_t y_columns, std::int64_t to);  // (rows, y_columns)

  // low + (high - low) * uniform(key, element), f32.
  void (*fill_uniform)(Stream& stream, const RandomKey& key, float low, float high, Span y);

  // Each element becomes zero with probability p, else it is divided by 1 - p. Which: uniform(key, element) <
  // p. Its own backward pass: apply it to the gradient with the same key.
  void (*dropout)(Stream& stream, float p, const RandomKey& key, ConstSpan x, Span y);
};

}  // namespace sec::kernels
