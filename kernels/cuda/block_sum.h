// The sum of one value of each thread of a block.
#pragma once

#include "kernels/cuda/elements.h"

namespace sec::kernels::SEC_BACKEND {

// Thread 0 gets the sum over the block's `threads` threads (a power of two), added up in a tree whose shape
// depends on nothing else. All threads take part; a kernel calls it at most once for each `Use`.
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
