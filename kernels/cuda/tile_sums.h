// Sums down the columns of a tile that is distributed over the threads of a block.
#pragma once

#include "kernels/cuda/elements.h"

namespace sec::kernels::SEC_BACKEND {

// Floats of shared memory that add_tile_rows needs with `down` threads per column.
SEC_HOST_DEVICE constexpr int tile_sum_floats(int down, int columns) {
  return (down + 1) * columns;
}

// Sums columns over the `down` thread rows of a block.
// This thread is in thread row `row` and holds the partial sums `value` of `width` columns from `across` on.
// Every (thread row, column) is held exactly once. All threads take part.
// Adds in the order of rows. Returns the totals (columns) in shared memory, valid until the next call.
template <int down, int columns, int width>
SEC_DEVICE const float* add_tile_rows(float* memory, int row, int across, const float (&value)[width]) {
  float* const total = memory + down * columns;
  const int thread = static_cast<int>(threadIdx.x);
  store(memory + row * columns + across, value);
  __syncthreads();  // all values are stored, and the previous totals are no longer in use
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
