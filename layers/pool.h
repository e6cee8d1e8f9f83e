// Pooling along time, and over all positions.
#pragma once

#include "layers/pass.h"

namespace sec::layers {

struct PoolOptions {
  std::int64_t k = 2;  // the window's width in time
  std::int64_t stride = 2;
  std::int64_t pad = 0;  // on either side in time; at most k / 2
};

// (N, L, H, C) to (N, Lo, H, C), Lo = (L + 2 pad - k) / stride + 1: the maximum or the mean of each window.
// Padding never is the maximum, and counts as zeros in the mean. Throw Error on another shape, on windows
// that do not fit, and on options out of range.
Var max_pool(Pass& pass, const PoolOptions& options, const Var& x);
Var average_pool(Pass& pass, const PoolOptions& options, const Var& x);

// (N, L, H, C) to (N, C): the mean over all positions of each sample and channel. Throws Error on another
// shape, and on an input without positions.
Var global_average_pool(Pass& pass, const Var& x);
Tensor means(Pass& pass, const Tensor& x);  // the same, not recorded

}  // namespace sec::layers
