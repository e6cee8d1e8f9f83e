// Pooling along time.
#pragma once

#include "engine/tensor.h"

namespace sec::kernels {

struct PoolShape {
  std::int64_t n, l, h, c;
  std::int64_t k;
  std::int64_t stride = 1;
  std::int64_t pad = 0;  // on either side in time; at most k / 2

  std::int64_t l_out() const { return (l + 2 * pad - k) / stride + 1; }
};

// Pooling of all positions at once.
struct GlobalPoolShape {
  std::int64_t n;
  std::int64_t positions;  // L * H
  std::int64_t c;
};

struct PoolKernels {
  // The maximum of each window, and the input time step it came from (the earliest on ties). Padding never
  // wins.
  void (*max)(Stream& stream, const PoolShape& shape,
              ConstSpan x,     // (N, L, H, C)
              Span y,          // (N, Lo, H, C)
              Span position);  // (N, Lo, H, C) i32
  // Overwrites gx.
  void (*max_backward)(Stream& stream, const PoolShape& shape,
                       ConstSpan gy,        // (N, Lo, H, C)
                       ConstSpan position,  // (N, Lo, H, C) i32
                       Span gx);            // (N, L, H, C)

  // The mean of each window; padding counts as zeros, as in PyTorch's default.
  void (*average)(Stream& stream, const PoolShape& shape,
                  ConstSpan x,  // (N, L, H, C)
                  Span y);      // (N, Lo, H, C)
  // Overwrites gx.
  void (*average_backward)(Stream& stream, const PoolShape& shape,
                           ConstSpan gy,  // (N, Lo, H, C)
                           Span gx);      // (N, L, H, C)

  // The mean over all positions of each (sample, channel).
  void (*global_average)(Stream& stream, const GlobalPoolShape& shape,
                         ConstSpan x,  // (N, positions, C)
                         Span y);      // (N, C)
  // Overwrites gx.
  void (*global_average_backward)(Stream& stream, const GlobalPoolShape& shape,
                                  ConstSpan gy,  // (N, C)
                                  Span gx);      // (N, positions, C)
};

}  // namespace sec::kernels
