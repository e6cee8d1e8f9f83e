// Sums down the columns of each segment (sample) of a matrix.
// If a segment is a single chunk, the first kernel stores the result.
// Otherwise a second kernel adds up the chunks' partial sums.
#pragma once

#include <span>

#include "kernels/cuda/columns.h"

namespace sec::kernels::SEC_BACKEND {

// Stores the sums that add_down left in thread row 0, as results or, with several chunks, as partial sums.
template <typename T, int width>
SEC_DEVICE void store_sums(const Columns& columns, const ColumnTask& task, const float (&sum)[width],
                           float positions,
                           T* __restrict__ result,         // (segments, C)
                           float* __restrict__ partial) {  // (segments, chunks, C)
  if (!task.inside || threadIdx.y != 0) {
    return;
  }
#pragma unroll
  for (int i = 0; i < width; ++i) {
    if (columns.chunks == 1) {
      store(result + task.segment * columns.c + task.column + i, sum[i] / positions);
    } else {
      partial[(task.segment * columns.chunks + task.chunk) * columns.c + task.column + i] = sum[i];
    }
  }
}

// Partial sums of one matrix, and the destination of their totals.
template <typename T>
struct ChunkSums {
  Columns columns;
  std::int64_t segments;
  float positions;
  const float* partial;  // (segments, chunks, C)
  T* result;             // (segments, C)
};

// The second kernel (in squeeze_excite.cu): result = sum over each segment's chunks / positions.
// Takes up to max_problems matrices with the same number of columns.
template <typename T>
void add_segment_chunks(Stream& stream, std::span<const ChunkSums<T>> group);

}  // namespace sec::kernels::SEC_BACKEND
