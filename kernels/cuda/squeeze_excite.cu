// The parts of squeeze-and-excite that process every position of a sample:
//   global_average  the squeeze: sums over the positions of each sample. One launch if a sample is one chunk;
//                   otherwise a second launch adds up the chunks
//   gate            y = x * gate: a thread keeps its columns' factors in registers, iterating over positions
//   gate_backward   gx and the sums for ggate, in one pass over x and gy
// The two fully connected layers between squeeze and gate are in excite.cu.
#include "kernels/cuda/launch_batch.h"
#include "kernels/cuda/parts.h"
#include "kernels/cuda/segment_sums.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

template <typename T>
__global__ void __launch_bounds__(column_threads) segment_add_chunks(LaunchBatch<ChunkSums<T>> batch) {
  const ChunkSums<T>& s = batch.problem[blockIdx.z];
  const Columns chunks = rows_of_chunks(s.columns);
  const ColumnTask task = column_task(chunks, 1);
  if (task.segment >= s.segments) {  // returns if another problem of the batch has more segments
    return;
  }
  float sum[1] = {};
  if (task.inside) {
    for (std::int64_t row = task.begin; row < task.end; row += blockDim.y) {
      sum[0] += s.partial[row * chunks.c + task.column];
    }
  }
  add_down(sum);
  if (task.inside && threadIdx.y == 0) {
    store(s.result + task.segment * chunks.c + task.column, sum[0] / s.positions);
  }
}

template <typename T, int width>
__global__ void __launch_bounds__(column_threads)
    global_average_pool(Columns columns, float positions,
                        const T* __restrict__ x,        // (N, positions, C)
                        T* __restrict__ y,              // (N, C)
                        float* __restrict__ partial) {  // (N, chunks, C)
  const ColumnTask task = column_task(columns, width);
  float sum[width] = {};
  if (task.inside) {
    for (std::int64_t row = task.begin; row < task.end; row += blockDim.y) {
      float value[width];
      load(x + row * columns.c + task.column, value);
#pragma unroll
      for (int i = 0; i < width; ++i) {
        sum[i] += value[i];
      }
    }
  }
  add_down(sum);
  store_sums(columns, task, sum, positions, y, partial);
}

// gx = gy / positions at every position.
template <typename T, int width>
__global__ void __launch_bounds__(column_threads)
    global_average_pool_backward(Columns columns, float positions,
                                 const T* __restrict__ gy,  // (N, C)
                                 T* __restrict__ gx) {      // (N, positions, C)
  const ColumnTask task = column_task(columns, width);
  if (!task.inside) {
    return;
  }
  float value[width];
  load(gy + task.segment * columns.c + task.column, value);
#pragma unroll
  for (int i = 0; i < width; ++i) {
    value[i] /= positions;
  }
  for (std::int64_t row = task.begin; row < task.end; row += blockDim.y) {
    store(gx + row * columns.c + task.column, value);
  }
}

template <typename T, int width>
__global__ void __launch_bounds__(column_threads) gate_channels(Columns columns,
                                                                const T* __restrict__ x,  // (N, positions, C)
                                                                const T* __restrict__ factors,  // (N, C)
                                                                T* __restrict__ y) {  // (N, positions, C)
  const ColumnTask task = column_task(columns, width);
  if (!task.inside) {
    return;
  }
  float factor[width];
  load(factors + task.segment * columns.c + task.column, factor);
  for (std::int64_t row = task.begin; row < task.end; row += blockDim.y) {
    float value[width];
    load(x + row * columns.c + task.column, value);
#pragma unroll
    for (int i = 0; i < width; ++i) {
      value[i] *= factor[i];
    }
    store(y + row * columns.c + task.column, value);
  }
}

template <typename T, int width>
__global__ void __launch_bounds__(column_threads)
    gate_channels_backward(Columns columns,
                           const T* __restrict__ x,        // (N, positions, C)
                           const T* __restrict__ factors,  // (N, C)
                           const T* __restrict__ gy,       // (N, positions, C)
                           T* __restrict__ gx,             // (N, positions, C)
                           T* __restrict__ gfactors,       // (N, C)
                           float* __restrict__ partial) {  // (N, chunks, C)
  const ColumnTask task = column_task(columns, width);
  float sum[width] = {};
  if (task.inside) {
    float factor[width];
    load(factors + task.segment * columns.c + task.column, factor);
    for (std::int64_t row = task.begin; row < task.end; row += blockDim.y) {
      float value[width], gradient[width];
      load(x + row * columns.c + task.column, value);
      load(gy + row * columns.c + task.column, gradient);
#pragma unroll
      for (int i = 0; i < width; ++i) {
        sum[i] += gradient[i] * value[i];
        gradient[i] *= factor[i];
      }
      store(gx + row * columns.c + task.column, gradient);
    }
  }
  add_down(sum);
  store_sums(columns, task, sum, 1.0F, gfactors, partial);
}

// ---- launchers ----

void check(std::int64_t positions, std::int64_t c, const char* what) {
  require(positions > 0 && c > 0, "{}: expected at least one position and one channel, got {} and {}", what,
          positions, c);
}

}  // namespace

template <typename T>
void add_segment_chunks(Stream& stream, std::span<const ChunkSums<T>> group) {
  LaunchBatch<ChunkSums<T>> problems;
  std::int64_t most = 0;
  for (const ChunkSums<T>& problem : group) {
    problems.add(problem);
    most = max(most, problem.segments);
  }
  const Columns chunks = rows_of_chunks(group.front().columns);
  dim3 grid = column_grid(chunks, most, 1);
  grid.z = static_cast<unsigned>(problems.problems);
  launch<segment_add_chunks<T>>(stream, grid, column_block(chunks.c, 1), 0, problems);
}
template void add_segment_chunks(Stream&, std::span<const ChunkSums<float>>);
template void add_segment_chunks(Stream&, std::span<const ChunkSums<bf16>>);

void global_average(Stream& stream, const GlobalPoolShape& s, ConstSpan x, Span y) {
  check(s.positions, s.c, "pool.global_average");
  by_type(y.type, "pool.global_average", [&](auto zero) {
    using T = decltype(zero);
    const T* const from = elements<T>(x, s.n * s.positions * s.c, "pool.global_average: x");
    T* const to = elements<T>(y, s.n * s.c, "pool.global_average: y");
    if (s.n == 0) {
      return;
    }
    by_width<T>(whole_vectors<T>(s.c) && aligned(from), [&](auto constant) {
      constexpr int width = decltype(constant)::value;
      const Columns columns = cut_rows(s.positions, s.c, width, "pool.global_average");
      const DeviceScratch partial(stream, columns.chunks > 1 ? s.n * columns.chunks * s.c * 4 : 0);
      const auto positions = static_cast<float>(s.positions);
      launch<global_average_pool<T, width>>(stream, column_grid(columns, s.n, width),
                                            column_block(columns.c, width), 0, columns, positions, from, to,
                                            partial.data());
      if (columns.chunks > 1) {
        const ChunkSums<T> sums{columns, s.n, positions, partial.data(), to};
        add_segment_chunks<T>(stream, {&sums, 1});
      }
    });
  });
}

void global_average_backward(Stream& stream, const GlobalPoolShape& s, ConstSpan gy, Span gx) {
  check(s.positions, s.c, "pool.global_average.backward");
  by_type(gx.type, "pool.global_average.backward", [&](auto zero) {
    using T = decltype(zero);
    const T* const from = elements<T>(gy, s.n * s.c, "pool.global_average.backward: gy");
    T* const to = elements<T>(gx, s.n * s.positions * s.c, "pool.global_average.backward: gx");
    if (s.n == 0) {
      return;
    }
    by_width<T>(whole_vectors<T>(s.c) && aligned(from, to), [&](auto constant) {
      constexpr int width = decltype(constant)::value;
      const Columns columns = cut_rows(s.positions, s.c, width, "pool.global_average.backward");
      launch<global_average_pool_backward<T, width>>(stream, column_grid(columns, s.n, width),
                                                     column_block(columns.c, width), 0, columns,
                                                     static_cast<float>(s.positions), from, to);
    });
  });
}

void gate(Stream& stream, const GateShape& s, ConstSpan x, ConstSpan gate, Span y) {
  check(s.positions, s.c, "gate");
  by_type(y.type, "gate", [&](auto zero) {
    using T = decltype(zero);
    const T* const from = elements<T>(x, s.n * s.positions * s.c, "gate: x");
    const T* const factors = elements<T>(gate, s.n * s.c, "gate: gate");
    T* const to = elements<T>(y, s.n * s.positions * s.c, "gate: y");
    if (s.n == 0) {
      return;
    }
    by_width<T>(whole_vectors<T>(s.c) && aligned(from, factors, to), [&](auto constant) {
      constexpr int width = decltype(constant)::value;
      const Columns columns = cut_rows(s.positions, s.c, width, "gate");
      launch<gate_channels<T, width>>(stream, column_grid(columns, s.n, width),
                                      column_block(columns.c, width), 0, columns, from, factors, to);
    });
  });
}

void gate_backward(Stream& stream, const GateShape& s, ConstSpan x, ConstSpan gate, ConstSpan gy, Span gx,
                   Span ggate) {
  check(s.positions, s.c, "gate.backward");
  by_type(gx.type, "gate.backward", [&](auto zero) {
    using T = decltype(zero);
    const T* const from = elements<T>(x, s.n * s.positions * s.c, "gate.backward: x");
    const T* const factors = elements<T>(gate, s.n * s.c, "gate.backward: gate");
    const T* const gradient = elements<T>(gy, s.n * s.positions * s.c, "gate.backward: gy");
    T* const to = elements<T>(gx, s.n * s.positions * s.c, "gate.backward: gx");
    T* const gfactors = elements<T>(ggate, s.n * s.c, "gate.backward: ggate");
    if (s.n == 0) {
      return;
    }
    by_width<T>(whole_vectors<T>(s.c) && aligned(from, factors, gradient, to), [&](auto constant) {
      constexpr int width = decltype(constant)::value;
      const Columns columns = cut_rows(s.positions, s.c, width, "gate.backward");
      const DeviceScratch partial(stream, columns.chunks > 1 ? s.n * columns.chunks * s.c * 4 : 0);
      launch<gate_channels_backward<T, width>>(stream, column_grid(columns, s.n, width),
                                               column_block(columns.c, width), 0, columns, from, factors,
                                               gradient, to, gfactors, partial.data());
      if (columns.chunks > 1) {
        const ChunkSums<T> sums{columns, s.n, 1.0F, partial.data(), gfactors};
        add_segment_chunks<T>(stream, {&sums, 1});
      }
    });
  });
}

}  // namespace sec::kernels::SEC_BACKEND
