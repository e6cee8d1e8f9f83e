// Mean and variance down the columns of a matrix. Each thread runs Welford's update over its rows.
// Threads, and then chunks of rows, are merged pairwise (Chan, Golub & LeVeque 1983).
// Unlike sums of squares, this stays accurate when the mean is much larger than the deviation.
#pragma once

#include <span>

#include "kernels/cuda/columns.h"

namespace sec::kernels::SEC_BACKEND {

// The mean of `count` values and the sum of squared deviations from it.
struct Moments {
  float count, mean, squares;
};

SEC_DEVICE Moments merge(const Moments& a, const Moments& b) {
  const float count = a.count + b.count;
  if (b.count == 0.0F) {
    return a;
  }
  const float share = b.count / count;
  const float delta = b.mean - a.mean;
  return {count, a.mean + delta * share, a.squares + b.squares + delta * delta * a.count * share};
}

// Merges `moments` over the threads of a column, into those with threadIdx.y == 0. All `threads` threads take part.
template <int threads = column_threads, int width>
SEC_DEVICE void merge_down(Moments (&moments)[width]) {
  SHARED(float, mean, [width][threads]);
  SHARED(float, squares, [width][threads]);
  SHARED(float, counts, [threads]);
  const unsigned thread = threadIdx.y * blockDim.x + threadIdx.x;
  counts[thread] = moments[0].count;
#pragma unroll
  for (int i = 0; i < width; ++i) {
    mean[i][thread] = moments[i].mean;
    squares[i][thread] = moments[i].squares;
  }
  for (unsigned rows = blockDim.y / 2; rows > 0; rows /= 2) {
    __syncthreads();
    if (threadIdx.y < rows) {
      const unsigned other = thread + rows * blockDim.x;
#pragma unroll
      for (int i = 0; i < width; ++i) {
        moments[i] = merge(moments[i], {counts[other], mean[i][other], squares[i][other]});
        mean[i][thread] = moments[i].mean;
        squares[i][thread] = moments[i].squares;
      }
      counts[thread] = moments[0].count;
    }
  }
}

// The value that a tensor holds after store(to, value): rounded to its storage type.
SEC_DEVICE float as_stored(const float* /*to*/, float value) {
  return value;
}
SEC_DEVICE float as_stored(const bf16* /*to*/, float value) {
  return static_cast<float>(bf16(value));
}

// Moments of the values that a thread reads, by Welford's update.
// So that a large mean does not cost precision, values are taken relative to the first value.
template <int width>
struct RunningMoments {
  float count = 0.0F;
  float pivot[width] = {};
  float mean[width] = {};  // mean of (value - pivot)
  float squares[width] = {};

  SEC_DEVICE void add(const float (&value)[width]) {
    count += 1.0F;
    const float share = __frcp_rn(count);
#pragma unroll
    for (int i = 0; i < width; ++i) {
      pivot[i] = count == 1.0F ? value[i] : pivot[i];
      const float shifted = value[i] - pivot[i];
      const float delta = shifted - mean[i];
      mean[i] += delta * share;
      squares[i] += delta * (shifted - mean[i]);
    }
  }
};

// Merges the moments of a chunk's threads and stores the chunk's moments. All threads of the block take part.
template <int width>
SEC_DEVICE void store_moments(const Columns& columns, const ColumnTask& task,
                              const RunningMoments<width>& seen,
                              float* means,      // (chunks, C)
                              float* squares) {  // (chunks, C)
  Moments moments[width];
#pragma unroll
  for (int i = 0; i < width; ++i) {
    moments[i] = {seen.count, seen.pivot[i] + seen.mean[i], seen.squares[i]};
  }
  merge_down(moments);
  if (task.inside && threadIdx.y == 0) {
#pragma unroll
    for (int i = 0; i < width; ++i) {
      means[task.chunk * columns.c + task.column + i] = moments[i].mean;
      squares[task.chunk * columns.c + task.column + i] = moments[i].squares;
    }
  }
}

// Moments of the chunks of one matrix, and the destination of its mean and variance.
struct ChunkMoments {
  Columns columns;
  const float* pivots;   // (C), added to the merged mean; null: zeros
  const float* means;    // (chunks, C)
  const float* squares;  // (chunks, C): sums of squared deviations from the chunk's mean
  float* mean;           // (C)
  float* variance;       // (C), biased
};

// Merges chunks into the mean and variance of each column, by a kernel in batch_norm.cu.
// Takes up to max_problems matrices with the same number of columns.
void merge_chunks(Stream& stream, std::span<const ChunkMoments> group);

}  // namespace sec::kernels::SEC_BACKEND
