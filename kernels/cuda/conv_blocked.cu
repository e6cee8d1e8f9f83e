// Convolution, version 3: an implicit matrix product with register tiles. This is the version for f32.
//
// Rows are positions (n, u, h), columns are output channels, and the depth is the terms (tap, input channel).
// The matrix of patches (im2col) is never stored: each row's terms are read from x directly.
// A block computes 128 rows x 32 or 64 columns, 16 terms per iteration. A thread computes 8 x 4 results:
// 12 floats read from shared memory feed 32 multiply-adds. Shared memory is double-buffered:
// while one iteration computes, the operands of the next are loaded into registers,
// and then stored to the other buffer.
// One barrier per iteration is therefore enough.
//   An iteration's operands, 128 x 16 and 16 x 32 floats, feed 65,536 multiply-adds: 0.08 bytes per flop.
// x is stored as [term][row], so that a thread reads four of its rows as a float4.
// Four threads store a row of x, to addresses 4 * 132 floats apart; two of these threads hit the same bank.
//
// Fused forward: x is activated in registers before it is stored to shared memory, once per tap.
// The moments of y are taken from registers.
// Fused dgrad: results pass ReLU and dropout backwards in registers, where x is loaded as well.
#include "kernels/cuda/conv.h"
#include "kernels/cuda/four.h"
#include "kernels/cuda/tile_sums.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr int tile_rows = 128;
constexpr int depth = 16;

// Fused forward: stores the mean and the squared deviations of the tile's columns.
// This thread's results, 8 rows x 4 columns from `across` on, are first rounded to T.
// Bit r of `present` is set if row r exists.
template <typename T, int tile_columns>
SEC_DEVICE void finish_forward(const ConvProblem& s, const Fusion& fusion, float* memory, int across,
                               unsigned present, float (&result)[8][4]) {
  constexpr int down = tile_rows / 8;
  const int thread = static_cast<int>(threadIdx.x);
  const int row = thread / (tile_columns / 4);
  const auto rows =
      static_cast<float>(min(std::int64_t{tile_rows}, s.rows() - std::int64_t{blockIdx.x} * tile_rows));
  float sum[4] = {};
  float squares[4] = {};
#pragma unroll
  for (int r = 0; r < 8; ++r) {
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      result[r][c] = static_cast<float>(T(result[r][c]));
      sum[c] += (present >> r & 1U) != 0 ? result[r][c] : 0.0F;
    }
  }
  const float* const total = add_tile_rows<down, tile_columns>(memory, row, across, sum);
#pragma unroll
  for (int r = 0; r < 8; ++r) {
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      const float deviation = result[r][c] - total[across + c] / rows;
      squares[c] += (present >> r & 1U) != 0 ? deviation * deviation : 0.0F;
    }
  }
  const int o = static_cast<int>(blockIdx.y) * tile_columns + thread;
  const bool stores_sums = thread < tile_columns && o < s.out_channels;
  float* const sums = fusion.sums + std::int64_t{blockIdx.x} * 2 * s.out_channels + o;
  if (stores_sums) {
    sums[0] = total[thread] / rows;
  }
  add_tile_rows<down, tile_columns>(memory, row, across, squares);
  if (stores_sums) {
    sums[s.out_channels] = total[thread];
  }
  if (thread == 0 && blockIdx.y == 0) {
    fusion.counts[blockIdx.x] = rows;
  }
}

// `vectors`: channel counts are multiples of 4, and x and y are aligned for vector access.
// A fused kernel checks the alignment itself.
// Weights are slices of one flat buffer and often unaligned; unaligned weights are loaded one by one.
template <typename T, typename Pass, bool vectors, int tile_columns, bool fused>
__global__ void __launch_bounds__(tile_rows* tile_columns / 32) conv_blocked(ConvBatch batch) {
  constexpr bool transposed = Pass::transposed;
  constexpr int threads = tile_rows * tile_columns / 32;
  constexpr int row_pitch = tile_rows + 4;
  constexpr int column_pitch = tile_columns + 4;
  constexpr int loads =
      tile_rows * depth / 4 / threads;  // loads of x per thread and iteration, each of four terms of a row
  SHARED(float, xs, [2][depth][row_pitch]);
  SHARED(float, ws, [2][depth][column_pitch]);
  constexpr bool activated = fused && !transposed;
  const ConvProblem& s = batch.problem[blockIdx.z];
  const Fusion& fusion = batch.fusion[blockIdx.z];
  const std::int64_t first_row = std::int64_t{blockIdx.x} * tile_rows;
  const int first_column = static_cast<int>(blockIdx.y) * tile_columns;
  if (first_row >= s.rows() || first_column >= s.out_channels) {
    return;  // the whole block returns: another problem of the batch is larger
  }
  const int thread = static_cast<int>(threadIdx.x);
  const int terms = s.taps * s.in_channels;

  // For each row that this thread loads: the address in x and the time step of its first tap.
  const int quarter = thread % 4 * 4;  // the first of the thread's four terms in an iteration
  int start_time[loads];
  const T* start[loads];
#pragma unroll
  for (int v = 0; v < loads; ++v) {
    const std::int64_t row = first_row + thread / 4 + v * (threads / 4);
    const int h = static_cast<int>(row % s.h);
    const int u = static_cast<int>(row / s.h % s.count);
    const std::int64_t sample = row / s.h / s.count;
    start_time[v] = row < s.rows() ? u * s.in_step - s.pad : s.in_length;  // rows past the end read zeros
    start[v] =
        static_cast<const T*>(s.in) + ((sample * s.in_length + start_time[v]) * s.h + h) * s.in_channels;
  }
  const int tap_stride = s.h * s.in_channels;
  const bool weights_aligned = is_aligned(s.w);
  [[maybe_unused]] const bool in_aligned = !fused || is_aligned(s.in);
  [[maybe_unused]] const BatchNormCoefficients<4>* batch_norms = nullptr;  // (in_channels / 4)
  if constexpr (activated) {
    DYN_SHARED(BatchNormCoefficients<4>, table);
    for (int four = thread; four < s.in_channels / 4; four += threads) {
      table[four] = load_batch_norm<4>(fusion.before, 4 * four);
    }
    __syncthreads();
    batch_norms = table;
  }

  float next_x[loads][4];
  float next_w[4];
  const auto fetch = [&](int first) {
    int m = (first + quarter) / s.in_channels;
    int i = (first + quarter) % s.in_channels;
    if constexpr (vectors) {
#pragma unroll
      for (int v = 0; v < loads; ++v) {
        const int t = start_time[v] + m;
        if (first + quarter < terms && t >= 0 && t < s.in_length) {
          const T* const from = start[v] + static_cast<std::int64_t>(m) * tap_stride + i;
          load_four(from, in_aligned, next_x[v]);
          if constexpr (activated) {
            activate(batch_norms[i / 4], dropout_bits(fusion.before, from - static_cast<const T*>(s.in)),
                     fusion.before.keep, next_x[v]);
          }
        } else {
          zero_four(next_x[v]);
        }
      }
    } else {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
#pragma unroll
        for (int v = 0; v < loads; ++v) {
          const int t = start_time[v] + m;
          const bool present = first + quarter + e < terms && t >= 0 && t < s.in_length;
          next_x[v][e] = present ? load(start[v] + static_cast<std::int64_t>(m) * tap_stride + i) : 0.0F;
        }
        if (++i == s.in_channels) {
          i = 0;
          ++m;
        }
      }
    }
    // Loads four weights along the last axis of w: output channels in forward, input channels in dgrad.
    const int d = transposed ? quarter : thread / (tile_columns / 4);
    const int o = first_column + (transposed ? thread / 4 : thread % (tile_columns / 4) * 4);
    const int wm = (first + d) / s.in_channels;
    const int wi = (first + d) % s.in_channels;
    if (vectors && first + d < terms && o < s.out_channels) {
      const std::int64_t tap = s.first_tap + wm * s.tap_step;
      const float* const w = s.w + (transposed ? (tap * s.out_channels + o) * s.in_channels + wi
                                               : (tap * s.in_channels + wi) * s.out_channels + o);
      load_four(w, weights_aligned, next_w);
    } else {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int term = first + d + (transposed ? e : 0);
        const int column = o + (transposed ? 0 : e);
        next_w[e] = !vectors && term < terms && column < s.out_channels
                        ? weight_at(s, transposed, term / s.in_channels, term % s.in_channels, column)
                        : 0.0F;
      }
    }
  };
  const auto put = [&](int buffer) {
#pragma unroll
    for (int v = 0; v < loads; ++v) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        xs[buffer][quarter + e][thread / 4 + v * (threads / 4)] = next_x[v][e];
      }
    }
    if constexpr (transposed) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        ws[buffer][quarter + e][thread / 4] = next_w[e];
      }
    } else {
      store(&ws[buffer][thread / (tile_columns / 4)][thread % (tile_columns / 4) * 4], next_w);
    }
  };

  // This thread's results: rows down ... down + 3 of both halves of the tile, columns across ... across + 3.
  const int across = thread % (tile_columns / 4) * 4;
  const int down = thread / (tile_columns / 4) * 4;
  float sum[8][4];
#pragma unroll
  for (int c = 0; c < 4; ++c) {
    const int o = first_column + across + c;
    const float bias = s.bias != nullptr && o < s.out_channels ? s.bias[o] : 0.0F;
#pragma unroll
    for (int r = 0; r < 8; ++r) {
      sum[r][c] = bias;
    }
  }
  if (terms > 0) {
    fetch(0);
    put(0);
  }
  int buffer = 0;
  for (int first = 0; first < terms; first += depth) {
    __syncthreads();  // this buffer is complete, and all threads have finished reading the other
    const bool more = first + depth < terms;
    if (more) {
      fetch(first + depth);
    }
#pragma unroll
    for (int d = 0; d < depth; ++d) {
      float x[2][4];
      float w[4];
      load(&xs[buffer][d][down], x[0]);
      load(&xs[buffer][d][tile_rows / 2 + down], x[1]);
      load(&ws[buffer][d][across], w);
#pragma unroll
      for (int r = 0; r < 8; ++r) {
#pragma unroll
        for (int c = 0; c < 4; ++c) {
          sum[r][c] += x[r / 4][r % 4] * w[c];
        }
      }
    }
    if (more) {
      put(1 - buffer);
    }
    buffer = 1 - buffer;
  }

  const int o = first_column + across;
  [[maybe_unused]] const bool out_aligned = !fused || (is_aligned(s.out) && is_aligned(fusion.x));
  unsigned present = 0;  // bit r is set if this thread's row r exists
  BatchNormCoefficients<4> batch_norm{};
  float gsum[4] = {};
  float product[4] = {};
  if (fused && transposed && o < s.out_channels) {
    batch_norm = load_batch_norm<4>(fusion.before, o);
  }
#pragma unroll
  for (int r = 0; r < 8; ++r) {
    const std::int64_t row = first_row + r / 4 * (tile_rows / 2) + down + r % 4;
    if (row < s.rows() && o < s.out_channels) {
      const int h = static_cast<int>(row % s.h);
      const std::int64_t step = row / s.h % s.count * s.out_step + s.out_first;
      const std::int64_t sample = row / s.h / s.count;
      const std::int64_t at = ((sample * s.out_length + step) * s.h + h) * s.out_channels + o;
      T* const to = static_cast<T*>(s.out) + at;
      present |= 1U << r;
      if constexpr (fused && transposed) {
        float x[4];
        load_four(static_cast<const T*>(fusion.x) + at, out_aligned, x);
        const unsigned kept = dropout_bits(fusion.before, at);
#pragma unroll
        for (int c = 0; c < 4; ++c) {
          const float g = masked(batch_norm, kept, fusion.before.keep, c, x[c], sum[r][c]);
          sum[r][c] = static_cast<float>(T(g));  // rounds as a store to memory does
          gsum[c] += sum[r][c];
          product[c] += sum[r][c] * (x[c] - batch_norm.centre[c]);
        }
      }
      if constexpr (vectors) {
        store_four(to, out_aligned, sum[r]);
      } else {
#pragma unroll
        for (int c = 0; c < 4; ++c) {
          if (o + c < s.out_channels) {
            store(to + c, sum[r][c]);
          }
        }
      }
    }
  }
  if constexpr (fused) {
    SHARED(float, memory, [tile_sum_floats(tile_rows / 8, tile_columns)]);
    if constexpr (!transposed) {
      if (fusion.sums != nullptr) {
        finish_forward<T, tile_columns>(s, fusion, memory, across, present, sum);
      }
    } else {
      constexpr int rows_down = tile_rows / 8;
      const int column = first_column + thread;
      const bool stores_sums = thread < tile_columns && column < s.out_channels;
      float* const sums = fusion.sums + std::int64_t{blockIdx.x} * 2 * s.out_channels + column;
      const int row = thread / (tile_columns / 4);
      const float* const total = add_tile_rows<rows_down, tile_columns>(memory, row, across, gsum);
      if (stores_sums) {
        sums[0] = total[thread];
      }
      add_tile_rows<rows_down, tile_columns>(memory, row, across, product);
      if (stores_sums) {
        sums[s.out_channels] = total[thread];
      }
    }
  }
}

// ---- launchers ----

template <typename T, typename Pass, bool vectors, bool fused>
void launch_blocked(Stream& stream, const ConvBatch& batch) {
  const auto problems = static_cast<unsigned>(batch.problems);
  const unsigned rows = blocks_for(batch.most_rows(), tile_rows);
  const std::int64_t in_channels =
      largest(batch, [](const ConvProblem& s) { return std::int64_t{s.in_channels}; });
  const std::size_t shared = fused && !Pass::transposed ? static_cast<std::size_t>(in_channels / 4) *
                                                              sizeof(BatchNormCoefficients<4>)
                                                        : 0;
  const int columns = batch.most_columns();
  const dim3 grid(rows, blocks_for(batch.most_channels(), columns), problems);
  if (columns == 32) {
    launch<conv_blocked<T, Pass, vectors, 32, fused>>(stream, grid, dim3(tile_rows), shared, batch);
  } else {
    launch<conv_blocked<T, Pass, vectors, 64, fused>>(stream, grid, dim3(2 * tile_rows), shared, batch);
  }
}

template <typename T, typename Pass>
void launch_blocked(Stream& stream, const ConvBatch& batch) {
  if (batch.fused) {
    launch_blocked<T, Pass, true, true>(stream, batch);
    return;
  }
  bool vectors = true;
  for (int j = 0; j < batch.problems; ++j) {
    const ConvProblem& s = batch.problem[j];
    vectors = vectors && s.in_channels % 4 == 0 && s.out_channels % 4 == 0 && aligned(s.in, s.out);
  }
  vectors ? launch_blocked<T, Pass, true, false>(stream, batch)
          : launch_blocked<T, Pass, false, false>(stream, batch);
}

}  // namespace

Tiles blocked_tiles(const ConvProblem& s) {
  return {ceil_div(s.rows(), tile_rows), 0};
}

void run_blocked(Stream& stream, const ConvBatch& batch) {
  by_type_and_pass(
      batch, [&](auto zero, auto pass) { launch_blocked<decltype(zero), decltype(pass)>(stream, batch); });
}

}  // namespace sec::kernels::SEC_BACKEND
