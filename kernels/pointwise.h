// Element-wise operations, gates, dropout, and copies that concatenate tensors.
#pragma once

#include "engine/philox.h"
#include "engine/tensor.h"

namespace sec::kernels {

// The shape of a gated tensor: a gate has one factor per (sample, channel), shared by all positions.
struct GateShape {
  std::int64_t n;
  std::int64_t positions;  // L * H
  std::int64_t c;
};

struct PointwiseKernels {
  void (*relu)(Stream& stream, ConstSpan x, Span y);
  // gx = 0 where x <= 0, else gy. The derivative at 0 is 0. As in PyTorch, a NaN passes both ways.
  void (*relu_backward)(Stream& stream, ConstSpan x, ConstSpan gy, Span gx);

  void (*sigmoid)(Stream& stream, ConstSpan x, Span y);
  void (*sigmoid_backward)(Stream& stream, ConstSpan y, ConstSpan gy,
                           Span gx);  // y = sigmoid(x)

  void (*add)(Stream& stream, ConstSpan a, ConstSpan b, Span y);
  void (*accumulate)(Stream& stream, ConstSpan x, Span y);  // y += x

  // Converts between f32 and bf16 (round to nearest, ties to even). Equal types are copied.
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

  // Copies columns [from, from + width) of x to columns [to, to + width) of y.
  // The other columns of y are unchanged.
  void (*copy_columns)(Stream& stream, std::int64_t rows, std::int64_t width, ConstSpan x,
                       std::int64_t x_columns, std::int64_t from,         // (rows, x_columns)
                       Span y, std::int64_t y_columns, std::int64_t to);  // (rows, y_columns)

  // y[e] = low + (high - low) * uniform(key, e), f32.
  void (*fill_uniform)(Stream& stream, const RandomKey& key, float low, float high, Span y);

  // Sets element e to zero if uniform(key, e) < p, which has probability p; divides it by 1 - p otherwise.
  // The backward pass is the same kernel, applied to the gradient with the same key.
  void (*dropout)(Stream& stream, float p, const RandomKey& key, ConstSpan x, Span y);
};

}  // namespace sec::kernels
