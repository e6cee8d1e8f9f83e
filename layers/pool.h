// Pooling along time, and global pooling over all positions.
#pragma once

#include "layers/pass.h"

namespace sec::layers {

struct PoolOptions {
  std::int64_t k = 2;  // window width in time
  std::int64_t stride = 2;
  std::int64_t pad = 0;  // padding on each side in time, at most k / 2
};

// The maximum or mean of each window: x (N, L, H, C) to (N, Lo, H, C), Lo = (L + 2 pad - k) / stride + 1.
// max_pool ignores the padding, and average_pool counts it as zeros.
// Throw Error on another shape, on an input shorter than the window, and on options out of range.
Var max_pool(Pass& pass, const PoolOptions& options, const Var& x);
Var average_pool(Pass& pass, const PoolOptions& options, const Var& x);

// x (N, L, H, C) to (N, C): the mean over all positions of each sample and channel.
// Throws Error on another shape and if L or H is 0.
Var global_average_pool(Pass& pass, const Var& x);
Tensor means(Pass& pass, const Tensor& x);  // the same means, not recorded on the tape

}  // namespace sec::layers
