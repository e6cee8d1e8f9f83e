// Sums down the columns of a tile that a block's threads hold between them.
#pragma once

#include "kernels/cuda/elements.h"

namespace sec::kernels::SEC_BACKEND {

// Room in shared memory for `down` threads a column, in floats.
SEC_HOST_DEVICE constexpr int tile_sum_floats(int down, int columns) {
  return (down + 1) * columns;
}

// Adds `value`, of columns `across` ... + width - 1, over the threads with other `row` < down; the block's
// threads hold each row and column once, and all take part. Returns the totals (columns), in shared memory,
// which stay until the next call. Added in the order of rows.
template <int down, int columns, int width>
SEC_DEVICE const float* add_tile_rows(float* memory, int row, int across, const float (&value)[width]) {
  float* const total = memory + down * columns;
  const int thread = static_cast<int>(threadIdx.x);
  store(memory + row * columns + across, value);
  __syncthreads();  // everyone's values are there, and nobody reads the totals of before
  if (thread < columns) {
    float sum = 0.0F;
#pragma unroll
    for (int r = 0; r < down; ++r) {
      sum += memory[r * columns + thread];
    }
    total[thread] = sum;
  }
  __syncthreads();
  return total;
}

}  // namespace sec::kernels::SEC_BACKEND
