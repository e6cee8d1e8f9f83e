// Sums down the columns of a matrix (rows, C), as in batch norm, pooling, gates and bias gradients.
//
// A block has blockDim.x threads across columns and blockDim.y threads down.
// With many channels a warp reads 32 neighbouring columns, with few channels several rows.
// Both are contiguous in memory. The rows are cut into chunks, one per block.
// Each thread sums every blockDim.y-th row of the chunk. Then the threads of a column are added up in a tree,
// and a second kernel adds up the chunks in the same way.
// Chunks depend only on the shape of the matrix, so sums are bitwise reproducible.
//
// Rows can be cut into segments of equal length (samples), which are summed separately.
#pragma once

#include "kernels/cuda/elements.h"

namespace sec::kernels::SEC_BACKEND {

constexpr int column_threads = 256;
constexpr int tall_threads = 1024;  // see tall_block

struct Columns {
  std::int64_t rows;  // rows per segment
  int c;
  std::int64_t chunks;      // chunks per segment
  std::int64_t chunk_rows;  // rows per chunk; the last chunk of a segment may have fewer
};

// ---- on the host ----

// The block for `c` columns, `width` columns per thread: (threads across, threads down).
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

// Cuts rows into at most `most` chunks of at least `least` rows per thread.
inline Columns cut_rows(std::int64_t rows, std::int64_t c, int width, const char* what, std::int64_t least,
                        std::int64_t most) {
  const int channels = to_int(c, what);
  const std::int64_t least_rows = least * static_cast<std::int64_t>(column_block(channels, width).y);
  const std::int64_t wanted = min(ceil_div(rows, least_rows), most);
  const std::int64_t chunk_rows = ceil_div(rows, wanted);
  return {rows, channels, ceil_div(rows, chunk_rows), chunk_rows};
}
// For sums. More chunks would slow down the second kernel.
inline Columns cut_rows(std::int64_t rows, std::int64_t c, int width, const char* what) {
  return cut_rows(rows, c, width, what, 16, 512);
}
// For passes without sums: enough blocks to hide the latency of memory, as a thread has few loads in flight.
inline Columns cut_rows_finely(std::int64_t rows, std::int64_t c, int width, const char* what) {
  return cut_rows(rows, c, width, what, 4, 4096);
}

// One block for the rows of a matrix of up to some ten thousand rows, such as the sums of a convolution's tiles.
// It has 8 columns, which are a whole sector of memory, and 128 rows of threads.
inline dim3 tall_block() {
  return {8, tall_threads / 8, 1};
}
inline dim3 tall_grid(const Columns& columns, int matrices) {
  return {1, blocks_for(columns.c, 8), static_cast<unsigned>(matrices)};
}

// The shape of the matrix of chunk results: one row per chunk.
SEC_HOST_DEVICE inline Columns rows_of_chunks(const Columns& columns) {
  return {columns.chunks, columns.c, 1, columns.chunks};
}

// ---- on the device ----

// The columns and rows that a thread works on.
struct ColumnTask {
  int column;               // the thread's first column
  bool inside;              // false if all columns of the thread are past the last one
  std::int64_t segment;     // the segment that the thread's rows belong to
  std::int64_t chunk;       // index of the chunk within the segment
  std::int64_t begin, end;  // rows begin, begin + blockDim.y, ... < end of the matrix

  // The number of rows that the thread works on.
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

// Adds `value` over the threads of a column. Threads with threadIdx.y == 0 hold the sums afterwards.
// All `threads` threads of the block take part. A thread's values are `threads` apart in shared memory,
// so that the 32 lanes of a warp access 32 different banks.
template <int threads = column_threads, int count>
SEC_DEVICE void add_down(float (&value)[count]) {
  SHARED(float, partial, [count][threads]);
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
