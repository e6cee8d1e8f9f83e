// Convolution, version 2: a block computes 8 rows x 32 channels, a thread per result, and stages its operands
// in shared memory 32 terms (tap, input channel) at a time. An element of x then serves 32 products and a
// weight 8, so that per 32 x 8 x 32 products 256 + 1024 elements are read: 0.6 bytes a flop instead of 4.
#include "kernels/cuda/conv.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr int tile_rows = 8;
constexpr int tile_columns = 32;  // a warp across
constexpr int depth = 32;
constexpr int threads = tile_rows * tile_columns;

template <typename T, bool transposed>
__global__ void __launch_bounds__(threads) correlate(Correlations group) {
  SHARED(float, xs, [tile_rows][depth]);
  SHARED(float, ws, [depth][tile_columns + 1]);  // one more: columns are stored by a warp, too, in dgrad
  const Correlation& s = group.problem[blockIdx.z];
  const std::int64_t first_row = std::int64_t{blockIdx.x} * tile_rows;
  const int first_column = static_cast<int>(blockIdx.y) * tile_columns;
  if (first_row >= s.rows() || first_column >= s.out_channels) {
    return;  // the whole block: other problems of the group are larger
  }
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int warp = static_cast<int>(threadIdx.x / 32);
  const std::int64_t row = first_row + warp;  // the one this thread loads for and computes
  const int h = static_cast<int>(row % s.h);
  const int u = static_cast<int>(row / s.h % s.count);
  const std::int64_t sample = row / s.h / s.count;
  const T* const in = static_cast<const T*>(s.in) + sample * s.in_length * s.h * s.in_channels;
  const int o = first_column + lane;
  const bool inside = row < s.rows();

  float sum = s.bias != nullptr && o < s.out_channels ? s.bias[o] : 0.0F;
  const int terms = s.taps * s.in_channels;
  for (int first = 0; first < terms; first += depth) {
    {
      const int m = (first + lane) / s.in_channels;
      const int i = (first + lane) % s.in_channels;
      const int t = u * s.in_step + m - s.pad;
      const bool present = inside && first + lane < terms && t >= 0 && t < s.in_length;
      xs[warp][lane] =
          present ? load(in + (static_cast<std::int64_t>(t) * s.h + h) * s.in_channels + i) : 0.0F;
    }
    for (int other = warp; other < 32; other += tile_rows) {
      // A warp reads along the weights' last axis: output channels, or in dgrad input channels.
      const int d = transposed ? lane : other;
      const int column = transposed ? other : lane;
      const bool present = first + d < terms && first_column + column < s.out_channels;
      ws[d][column] = present ? weight_at(s, transposed, (first + d) / s.in_channels,
                                          (first + d) % s.in_channels, first_column + column)
                              : 0.0F;
    }
    __syncthreads();  // the tile is whole
#pragma unroll
    for (int d = 0; d < depth; ++d) {
      sum += xs[warp][d] * ws[d][lane];
    }
    __syncthreads();  // and may be overwritten
  }
  if (inside && o < s.out_channels) {
    const std::int64_t step = static_cast<std::int64_t>(u) * s.out_step + s.out_first;
    store(static_cast<T*>(s.out) + ((sample * s.out_length + step) * s.h + h) * s.out_channels + o, sum);
  }
}

// Weights (tap, input channel) are the rows here, and positions the depth.
template <typename T>
__global__ void __launch_bounds__(threads) sum_part(WeightGradients group) {
  SHARED(float, xs, [depth][tile_rows]);
  SHARED(float, gs, [depth][tile_columns]);
  const WeightGradient& s = group.problem[blockIdx.z];
  const int column_tiles = (s.c_out + tile_columns - 1) / tile_columns;
  const int first_weight = static_cast<int>(blockIdx.x) / column_tiles * tile_rows;
  const int first_column = static_cast<int>(blockIdx.x) % column_tiles * tile_columns;
  const std::int64_t begin = std::int64_t{blockIdx.y} * s.part_rows;
  if (first_weight >= s.k * s.c_in || begin >= s.rows()) {
    return;
  }
  const std::int64_t end = min(begin + s.part_rows, s.rows());
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int warp = static_cast<int>(threadIdx.x / 32);
  const int o = first_column + lane;
  // For loading x, eight threads lie along channels.
  const int weight = first_weight + lane % tile_rows;
  const int j = weight / s.c_in;
  const int i = weight % s.c_in;
  const int x_row = static_cast<int>(threadIdx.x) / tile_rows;

  float sum = 0.0F;
  for (std::int64_t first = begin; first < end; first += depth) {
    {
      const std::int64_t row = first + x_row;
      const int h = static_cast<int>(row % s.h);
      const int t = static_cast<int>(row / s.h % s.l_out) * s.stride + j - s.pad;
      const std::int64_t sample = row / s.h / s.l_out;
      const bool present = row < end && j < s.k && t >= 0 && t < s.l;
      xs[x_row][lane % tile_rows] =
          present ? load(static_cast<const T*>(s.x) + ((sample * s.l + t) * s.h + h) * s.c_in + i) : 0.0F;
    }
    for (int d = warp; d < depth; d += tile_rows) {
      const bool present = first + d < end && o < s.c_out;
      gs[d][lane] = present ? load(static_cast<const T*>(s.gy) + (first + d) * s.c_out + o) : 0.0F;
    }
    __syncthreads();
#pragma unroll
    for (int d = 0; d < depth; ++d) {
      sum += xs[d][warp] * gs[d][lane];
    }
    __syncthreads();
  }
  if (first_weight + warp < s.k * s.c_in && o < s.c_out) {
    s.partial[blockIdx.y * s.weights() + std::int64_t{first_weight + warp} * s.c_out + o] = sum;
  }
}

}  // namespace

void correlate_tiled(Stream& stream, const Correlations& group) {
  const dim3 grid(blocks_for(group.most_rows(), tile_rows), blocks_for(group.most_channels(), tile_columns),
                  static_cast<unsigned>(group.problems));
  by_type(group.type, "conv", [&](auto zero) {
    using T = decltype(zero);
    if (group.transposed) {
      launch<correlate<T, true>>(stream, grid, dim3(threads), 0, group);
    } else {
      launch<correlate<T, false>>(stream, grid, dim3(threads), 0, group);
    }
  });
}

void cut_tiled(WeightGradient& s) {
  s.part_rows = 2048;
  s.parts = ceil_div(s.rows(), s.part_rows);
}

void wgrad_tiled(Stream& stream, const WeightGradients& group) {
  std::int64_t tiles = 0;
  std::int64_t parts = 0;
  for (int j = 0; j < group.problems; ++j) {
    const WeightGradient& s = group.problem[j];
    tiles = max(tiles, ceil_div(s.k * s.c_in, tile_rows) * ceil_div(s.c_out, tile_columns));
    parts = max(parts, s.parts);
  }
  const dim3 grid(blocks_for(tiles, 1), blocks_for(parts, 1), static_cast<unsigned>(group.problems));
  by_type(group.type, "conv.wgrad",
          [&](auto zero) { launch<sum_part<decltype(zero)>>(stream, grid, dim3(threads), 0, group); });
}

}  // namespace sec::kernels::SEC_BACKEND
