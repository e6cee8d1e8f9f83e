// Convolution, version 2: shared-memory tiles.
// A block computes 8 rows x 32 output channels, one result per thread.
// Its operands are staged in shared memory, 32 terms (tap, input channel) at a time.
//
// An element of x serves 32 products and a weight serves 8.
// For 8 x 32 x 32 products 256 + 1024 elements are read from global memory:
// 0.3 bytes per flop instead of version 1's 4.
#include "kernels/cuda/conv.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr int tile_rows = 8;
constexpr int tile_columns = 32;  // one column per lane of a warp
constexpr int depth = 32;
constexpr int threads = tile_rows * tile_columns;

template <typename T, typename Pass>
__global__ void __launch_bounds__(threads) conv_tiled(ConvBatch batch) {
  constexpr bool transposed = Pass::transposed;
  SHARED(float, xs, [tile_rows][depth]);
  SHARED(float, ws, [depth][tile_columns + 1]);  // padded, because in dgrad a warp stores a column
  const ConvProblem& s = batch.problem[blockIdx.z];
  const std::int64_t first_row = std::int64_t{blockIdx.x} * tile_rows;
  const int first_column = static_cast<int>(blockIdx.y) * tile_columns;
  if (first_row >= s.rows() || first_column >= s.out_channels) {
    return;  // the whole block returns: another problem of the batch is larger
  }
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int warp = static_cast<int>(threadIdx.x / 32);
  const std::int64_t row = first_row + warp;  // the row that this thread's warp loads and computes
  const ConvPosition at = position_of(s, row);
  const T* const in = static_cast<const T*>(s.in) + at.sample * s.in_length * s.h * s.in_channels;
  const int o = first_column + lane;
  const bool inside = row < s.rows();

  float sum = s.bias != nullptr && o < s.out_channels ? s.bias[o] : 0.0F;
  const int terms = s.taps * s.in_channels;
  for (int first = 0; first < terms; first += depth) {
    {
      const int m = (first + lane) / s.in_channels;
      const int i = (first + lane) % s.in_channels;
      const int t = at.u * s.in_step + m - s.pad;
      const bool present = inside && first + lane < terms && t >= 0 && t < s.in_length;
      xs[warp][lane] =
          present ? load(in + (static_cast<std::int64_t>(t) * s.h + at.h) * s.in_channels + i) : 0.0F;
    }
    for (int other = warp; other < 32; other += tile_rows) {
      // A warp reads along the last axis of the weights: output channels in forward, input channels in dgrad.
      const int d = transposed ? lane : other;
      const int column = transposed ? other : lane;
      const bool present = first + d < terms && first_column + column < s.out_channels;
      ws[d][column] = present ? weight_at(s, transposed, (first + d) / s.in_channels,
                                          (first + d) % s.in_channels, first_column + column)
                              : 0.0F;
    }
    __syncthreads();  // both tiles are complete
#pragma unroll
    for (int d = 0; d < depth; ++d) {
      sum += xs[warp][d] * ws[d][lane];
    }
    __syncthreads();  // all threads have read the tiles, which the next iteration overwrites
  }
  if (inside && o < s.out_channels) {
    store_result<T>(s, at, o, sum);
  }
}

// The gradient of the weights as a matrix product: rows are (tap, input channel), the depth is positions.
template <typename T>
__global__ void __launch_bounds__(threads) conv_wgrad_tiled(WgradBatch batch) {
  SHARED(float, xs, [depth][tile_rows]);
  SHARED(float, gs, [depth][tile_columns]);
  const WgradProblem& s = batch.problem[blockIdx.z];
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
  // When x is loaded, eight neighbouring threads read eight neighbouring (tap, channel) rows.
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

void run_tiled(Stream& stream, const ConvBatch& batch) {
  const dim3 grid(blocks_for(batch.most_rows(), tile_rows), blocks_for(batch.most_channels(), tile_columns),
                  static_cast<unsigned>(batch.problems));
  by_type_and_pass(batch, [&](auto zero, auto pass) {
    launch<conv_tiled<decltype(zero), decltype(pass)>>(stream, grid, dim3(threads), 0, batch);
  });
}

void cut_tiled(WgradProblem& s, DType /*type*/) {
  s.part_rows = 2048;
  s.parts = ceil_div(s.rows(), s.part_rows);
}

void run_wgrad_tiled(Stream& stream, const WgradBatch& batch) {
  const dim3 grid = wgrad_grid(batch, [](const WgradProblem& s) {
    return ceil_div(s.k * s.c_in, tile_rows) * ceil_div(s.c_out, tile_columns);
  });
  by_type(batch.type, "conv.wgrad", [&](auto zero) {
    launch<conv_wgrad_tiled<decltype(zero)>>(stream, grid, dim3(threads), 0, batch);
  });
}

}  // namespace sec::kernels::SEC_BACKEND
