// Sums down the columns of a matrix (rows, C), the shape of every reduction of batch norm, pooling, gates and
// bias gradients. A block is `lanes` threads across columns by `rows` threads down: for many channels a warp
// reads 32 columns side by side, for few channels it reads several rows, contiguous in memory either way.
// Each thread sums every `rows`-th row of the block's chunk; then the threads of a column add up in a tree. A
// second kernel adds the chunks' results the same way. Chunks depend on the matrix alone, so that sums have
// the same bits on every device of a kind and in every schedule.
//
// The rows can be cut into segments of equal length (samples), each with sums of its own.
#pragma once

#include "kernels/cuda/elements.h"

namespace sec::kernels::SEC_BACKEND {

constexpr int column_threads = 256;

struct Columns {
  std::int64_t rows;  // of a segment
  int c;
  std::int64_t chunks;      // of a segment
  std::int64_t chunk_rows;  // the last chunk may have fewer
};

// ---- on the host ----

// Threads across and down for `c` columns, `width` of them a thread.
inline dim3 column_block(int c, int width) {
  unsigned lanes = 1;
  while (lanes < 32 && static_cast<int>(lanes) * width < c) {
    lanes *= 2;
  }
  return {lanes, column_threads / lanes, 1};
}

inline dim3 column_grid(const Columns& columns, std::int64_t segments, int width) {
  return {blocks_for(segments * columns.chunks, 1),
          blocks_for(columns.c, static_cast<std::int64_t>(column_block(columns.c, width).x) * width), 1};
}

// Chunks of at least 16 rows a thread, and no more of them than the second kernel adds up in a few steps.
inline Columns cut_rows(std::int64_t rows, std::int64_t c, int width, const char* what) {
  const int channels = to_int(c, what);
  const std::int64_t least = 16 * static_cast<std::int64_t>(column_block(channels, width).y);
  const std::int64_t wanted = min(ceil_div(rows, least), std::int64_t{512});
  const std::int64_t chunk_rows = ceil_div(rows, wanted);
  return {rows, channels, ceil_div(rows, chunk_rows), chunk_rows};
}

// The matrix of the chunks' results, one row each.
SEC_HOST_DEVICE inline Columns rows_of_chunks(const Columns& columns) {
  return {columns.chunks, columns.c, 1, columns.chunks};
}

// ---- on the device ----

// What a thread works on.
struct ColumnTask {
  int column;               // the first of its columns
  bool inside;              // whether it has any
  std::int64_t segment;     // its sums go to
  std::int64_t chunk;       // of the segment
  std::int64_t begin, end;  // rows of the matrix: from begin to end in steps of blockDim.y

  // How many rows that is.
  SEC_DEVICE int rows() const {
    return end <= begin ? 0 : static_cast<int>((end - begin + blockDim.y - 1) / blockDim.y);
  }
};

SEC_DEVICE ColumnTask column_task(const Columns& columns, int width) {
  ColumnTask task;
  task.column = static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x) * width;
  task.inside = task.column < columns.c;
  task.segment = blockIdx.x / columns.chunks;
  task.chunk = blockIdx.x % columns.chunks;
  const std::int64_t first = task.chunk * columns.chunk_rows;
  task.begin = task.segment * columns.rows + first + threadIdx.y;
  task.end = task.segment * columns.rows + min(first + columns.chunk_rows, columns.rows);
  return task;
}

// Adds `value` over the threads of a column; the sums are left with the threads of row 0. All threads of the
// block take part. Thread i's values lie `column_threads` apart, so that a warp's accesses fall into 32
// banks.
template <int count>
SEC_DEVICE void add_down(float (&value)[count]) {
  SHARED(float, partial, [count][column_threads]);
  const unsigned thread = threadIdx.y * blockDim.x + threadIdx.x;
#pragma unroll
  for (int i = 0; i < count; ++i) {
    partial[i][thread] = value[i];
  }
  for (unsigned rows = blockDim.y / 2; rows > 0; rows /= 2) {
    __syncthreads();
    if (threadIdx.y < rows) {
#pragma unroll
      for (int i = 0; i < count; ++i) {
        value[i] += partial[i][thread + rows * blockDim.x];
        partial[i][thread] = value[i];
      }
    }
  }
}

}  // namespace sec::kernels::SEC_BACKEND
