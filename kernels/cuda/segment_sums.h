// Sums down the columns of each segment of a matrix, stored by the kernel that takes them where a segment is
// one chunk, else added up over the chunks by a second.
#pragma once

#include <span>

#include "kernels/cuda/columns.h"

namespace sec::kernels::SEC_BACKEND {

// Stores the sums that add_down left with row 0: results if a segment is one chunk, else partial sums.
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

// A matrix's sums, chunk by chunk, and where those of the segments are to go.
template <typename T>
struct ChunkSums {
  Columns columns;
  std::int64_t segments;
  float positions;
  const float* partial;  // (segments, chunks, C)
  T* result;             // (segments, C)
};

// result = the sums over each segment's chunks / positions: the second kernel, in squeeze_excite.cu, for up
// to max_problems matrices of as many columns.
template <typename T>
void add_segment_chunks(Stream& stream, std::span<const ChunkSums<T>> group);

}  // namespace sec::kernels::SEC_BACKEND
