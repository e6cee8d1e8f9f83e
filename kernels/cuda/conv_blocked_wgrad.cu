// The gradient of the weights, version 3, as a matrix product.
// Its rows are (tap, input channel), its columns are output channels, and its depth is positions.
// A block computes 64 x 32 sums over one part of the positions, 16 positions per iteration.
// A thread computes 4 x 4 sums: 8 floats from shared memory feed 16 multiply-adds.
// If fused, x is activated in registers before it is stored to shared memory.
#include "kernels/cuda/conv.h"
#include "kernels/cuda/four.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr int depth = 16;
constexpr int weight_rows = 64;
constexpr int weight_columns = 32;
constexpr int weight_threads = weight_rows * weight_columns / 16;

// In shared memory both operands keep the order of global memory, with neighbouring channels contiguous.
template <typename T, bool vectors, bool activated>
__global__ void __launch_bounds__(weight_threads, activated ? 5 : 8) conv_wgrad_blocked(WgradBatch batch) {
  SHARED(float, xs, [2][depth][weight_rows]);
  SHARED(float, gs, [2][depth][weight_columns]);
  const WgradProblem& s = batch.problem[blockIdx.z];
  const int column_tiles = (s.c_out + weight_columns - 1) / weight_columns;
  const int first_weight = static_cast<int>(blockIdx.x) / column_tiles * weight_rows;
  const int first_column = static_cast<int>(blockIdx.x) % column_tiles * weight_columns;
  const std::int64_t begin = std::int64_t{blockIdx.y} * s.part_rows;
  const int weights = s.k * s.c_in;
  if (first_weight >= weights || begin >= s.rows()) {
    return;
  }
  const std::int64_t end = min(begin + s.part_rows, s.rows());
  const int thread = static_cast<int>(threadIdx.x);

  // Per iteration this thread loads four values of x at two positions, and four of gy at one position.
  const int x_weight = thread % 16 * 4;
  const int x_row = thread / 16;  // the first of the two positions; the other is x_row + 8
  const int g_column = thread % 8 * 4;
  const int g_row = thread / 8;
  [[maybe_unused]] const bool x_aligned = !activated || is_aligned(s.x);
  [[maybe_unused]] const bool g_aligned = !activated || is_aligned(s.gy);
  BatchNormCoefficients<4> batch_norm{};
  const ActivationOperands& before = batch.before[blockIdx.z];
  if (activated && first_weight + x_weight < weights) {
    batch_norm = load_batch_norm<4>(before, (first_weight + x_weight) % s.c_in);
  }
  float next_x[2][4];
  float next_g[4];
  const auto fetch = [&](std::int64_t first) {
#pragma unroll
    for (int v = 0; v < 2; ++v) {
      const std::int64_t row = first + x_row + 8 * v;
      const int h = static_cast<int>(row % s.h);
      const int time = static_cast<int>(row / s.h % s.l_out) * s.stride - s.pad;
      const std::int64_t sample = row / s.h / s.l_out;
      int j = (first_weight + x_weight) / s.c_in;
      int i = (first_weight + x_weight) % s.c_in;
      const T* const x = static_cast<const T*>(s.x) + ((sample * s.l + time) * s.h + h) * s.c_in;
      const std::int64_t tap = static_cast<std::int64_t>(s.h) * s.c_in;
      if constexpr (vectors) {
        if (row < end && j < s.k && time + j >= 0 && time + j < s.l) {
          const T* const from = x + j * tap + i;
          load_four(from, x_aligned, next_x[v]);
          if constexpr (activated) {
            activate(batch_norm, dropout_bits(before, from - static_cast<const T*>(s.x)), before.keep,
                     next_x[v]);
          }
        } else {
          zero_four(next_x[v]);
        }
      } else {
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          const bool present = row < end && j < s.k && time + j >= 0 && time + j < s.l;
          next_x[v][e] = present ? load(x + j * tap + i) : 0.0F;
          if (++i == s.c_in) {
            i = 0;
            ++j;
          }
        }
      }
    }
    const std::int64_t row = first + g_row;
    const int o = first_column + g_column;
    const T* const gy = static_cast<const T*>(s.gy) + row * s.c_out + o;
    if (vectors && row < end && o < s.c_out) {
      load_four(gy, g_aligned, next_g);
    } else {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        next_g[e] = !vectors && row < end && o + e < s.c_out ? load(gy + e) : 0.0F;
      }
    }
  };
  const auto put = [&](int buffer) {
    store(&xs[buffer][x_row][x_weight], next_x[0]);
    store(&xs[buffer][x_row + 8][x_weight], next_x[1]);
    store(&gs[buffer][g_row][g_column], next_g);
  };

  const int across = thread % 8 * 4;
  const int down = thread / 8 * 4;
  float sum[4][4] = {};
  fetch(begin);
  put(0);
  int buffer = 0;
  for (std::int64_t first = begin; first < end; first += depth) {
    __syncthreads();  // this buffer is complete, and all threads have finished reading the other
    const bool more = first + depth < end;
    if (more) {
      fetch(first + depth);
    }
#pragma unroll
    for (int d = 0; d < depth; ++d) {
      float x[4];
      float g[4];
      load(&xs[buffer][d][down], x);
      load(&gs[buffer][d][across], g);
#pragma unroll
      for (int r = 0; r < 4; ++r) {
#pragma unroll
        for (int c = 0; c < 4; ++c) {
          sum[r][c] += x[r] * g[c];
        }
      }
    }
    if (more) {
      put(1 - buffer);
    }
    buffer = 1 - buffer;
  }
  const int o = first_column + across;
  const bool adds = s.partial == nullptr;
#pragma unroll
  for (int r = 0; r < 4; ++r) {
    const int weight = first_weight + down + r;
    if (weight < weights && o < s.c_out) {
      const std::int64_t at = static_cast<std::int64_t>(weight) * s.c_out + o;
      float* const to = adds ? s.gw + at : s.partial + blockIdx.y * s.weights() + at;
      if constexpr (vectors) {
        if (adds) {
          float before_it[4];
          load(to, before_it);
#pragma unroll
          for (int c = 0; c < 4; ++c) {
            sum[r][c] += before_it[c];
          }
        }
        store(to, sum[r]);
      } else {
#pragma unroll
        for (int c = 0; c < 4; ++c) {
          if (o + c < s.c_out) {
            to[c] = adds ? to[c] + sum[r][c] : sum[r][c];
          }
        }
      }
    }
  }
}

// ---- launchers ----

std::int64_t tiles_of(const WgradProblem& s) {
  return ceil_div(s.k * s.c_in, weight_rows) * ceil_div(s.c_out, weight_columns);
}

}  // namespace

// Parts of at least part_tiles * 32 positions, but no more parts than make most_blocks blocks.
void cut_blocked(WgradProblem& s, DType /*type*/) {
  const std::int64_t most = max(s.tiles.most_blocks / tiles_of(s), std::int64_t{1});
  const std::int64_t parts = min(ceil_div(s.rows(), std::int64_t{32} * s.tiles.part_tiles), most);
  s.part_rows = ceil_div(ceil_div(s.rows(), parts), depth) * depth;
  s.parts = ceil_div(s.rows(), s.part_rows);
}

void run_wgrad_blocked(Stream& stream, const WgradBatch& batch) {
  bool vectors = true;
  for (int j = 0; j < batch.problems; ++j) {
    const WgradProblem& s = batch.problem[j];
    vectors = vectors && s.c_in % 4 == 0 && s.c_out % 4 == 0 && aligned(s.x, s.gy, s.partial);
  }
  const dim3 grid = wgrad_grid(batch, tiles_of);
  by_type(batch.type, "conv.wgrad", [&](auto zero) {
    using T = decltype(zero);
    if (batch.activated) {
      launch<conv_wgrad_blocked<T, true, true>>(stream, grid, dim3(weight_threads), 0, batch);
    } else if (vectors) {
      launch<conv_wgrad_blocked<T, true, false>>(stream, grid, dim3(weight_threads), 0, batch);
    } else {
      launch<conv_wgrad_blocked<T, false, false>>(stream, grid, dim3(weight_threads), 0, batch);
    }
  });
}

}  // namespace sec::kernels::SEC_BACKEND
