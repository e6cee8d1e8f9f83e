// Pooling along time.
#pragma once

#include "engine/tensor.h"

namespace sec::kernels {

struct PoolShape {
  std::int64_t n, l, h, c;  // samples, time steps, leads, channels of the input
  std::int64_t k;           // time steps of a window
  std::int64_t stride = 1;
  std::int64_t pad = 0;  // time steps added before the first and after the last one; at most k / 2

  std::int64_t l_out() const { return (l + 2 * pad - k) / stride + 1; }
};

// Pooling over all positions of a sample.
struct GlobalPoolShape {
  std::int64_t n;
  std::int64_t positions;  // L * H
  std::int64_t c;
};

struct PoolKernels {
  // Computes the maximum of each window and the input time step of the maximum (the earliest one on ties).
  // Padding is never the maximum.
  void (*max)(Stream& stream, const PoolShape& shape,
              ConstSpan x,     // (N, L, H, C)
              Span y,          // (N, Lo, H, C)
              Span position);  // (N, Lo, H, C) i32
  // Overwrites gx.
  void (*max_backward)(Stream& stream, const PoolShape& shape,
                       ConstSpan gy,        // (N, Lo, H, C)
                       ConstSpan position,  // (N, Lo, H, C) i32
                       Span gx);            // (N, L, H, C)

  // Computes the mean of each window. Padding counts as zeros, as in PyTorch's default.
  void (*average)(Stream& stream, const PoolShape& shape,
                  ConstSpan x,  // (N, L, H, C)
                  Span y);      // (N, Lo, H, C)
  // Overwrites gx.
  void (*average_backward)(Stream& stream, const PoolShape& shape,
                           ConstSpan gy,  // (N, Lo, H, C)
                           Span gx);      // (N, L, H, C)

  // Computes the mean over all positions of each (sample, channel).
  void (*global_average)(Stream& stream, const GlobalPoolShape& shape,
                         ConstSpan x,  // (N, positions, C)
                         Span y);      // (N, C)
  // Overwrites gx.
  void (*global_average_backward)(Stream& stream, const GlobalPoolShape& shape,
                                  ConstSpan gy,  // (N, C)
                                  Span gx);      // (N, positions, C)
};

}  // namespace sec::kernels
