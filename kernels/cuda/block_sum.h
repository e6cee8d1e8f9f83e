// Sums over the threads of a block.
#pragma once

#include "kernels/cuda/elements.h"

namespace sec::kernels::SEC_BACKEND {

// Returns the sum of `value` over the block's `threads` threads (a power of two) to thread 0.
// Adds in a tree whose shape depends only on `threads`. All threads take part.
// Each call in a kernel needs a different `Use`, which gives it separate shared memory.
template <int threads, int Use = 0>
SEC_DEVICE double block_sum(double value) {
  SHARED(double, partial, [threads]);
  partial[threadIdx.x] = value;
  for (unsigned half = threads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) {
      value += partial[threadIdx.x + half];
      partial[threadIdx.x] = value;
    }
  }
  return value;
}

}  // namespace sec::kernels::SEC_BACKEND
