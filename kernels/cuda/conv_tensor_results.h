// The last part of conv_tensor.cu's kernel.
// It writes a block's results from shared memory to global memory, 16 bytes at a time along channels.
// Fused kernels also take sums of the results.
#pragma once

#include "kernels/cuda/conv.h"
#include "kernels/cuda/tile_sums.h"

namespace sec::kernels::SEC_BACKEND::tensor {

constexpr int tile_rows = 128;
constexpr int threads = 128;  // four warps with 32 rows each

// A problem, and how its rows are cut into tiles.
struct TensorProblem {
  ConvProblem s;
  Fusion fusion;
  const void* w;       // the weights in the element type
  int samples, steps;  // samples of a tile, and time steps per sample
  int window_steps;    // time steps of the input that a tile reads per sample
  int windows;         // windows in shared memory at a time, one per chunk
  int chunks;          // chunks of 64 bytes of input channels
  int tiles_in_time;   // tiles per sample along time

  SEC_HOST_DEVICE int window_rows() const { return samples * window_steps * s.h; }
};

struct TensorBatch {
  TensorProblem problem[max_problems];
};

// Bytes between rows of results in shared memory.
// Padding avoids bank conflicts when a warp stores eight rows.
// With bf16 (4 bytes per lane) each row is shifted by 16 bytes across the banks.
// With f32 (8 bytes per lane) a half-warp stores four rows, each shifted by 32 bytes.
// Forward's weights use the same padding.
SEC_HOST_DEVICE constexpr int result_pitch(int columns, int element) {
  return columns * element + (element == 2 ? 16 : 32);
}

// A tile of results in shared memory, and its position in the output.
template <typename T, int tile_columns>
struct ResultTile {
  static constexpr int row_bytes = result_pitch(tile_columns, static_cast<int>(sizeof(T)));
  static constexpr int width = 16 / static_cast<int>(sizeof(T));  // columns per thread
  static constexpr int pieces = tile_columns / width;             // threads per row
  static constexpr int down = threads / pieces;                   // rows that the block handles at a time

  const TensorProblem& problem;
  unsigned char* memory;
  std::int64_t first_sample;
  int first_step, first_column;

  SEC_DEVICE int column() const { return first_column + static_cast<int>(threadIdx.x) % pieces * width; }
  SEC_DEVICE int first_row() const { return static_cast<int>(threadIdx.x) / pieces; }
  SEC_DEVICE int samples() const {
    return static_cast<int>(min(std::int64_t{problem.samples}, problem.s.n - first_sample));
  }
  SEC_DEVICE int steps() const { return min(problem.steps, problem.s.count - first_step); }
  SEC_DEVICE int positions() const { return steps() * problem.s.h; }  // rows per sample
  SEC_DEVICE T* at(int row, int c) const { return reinterpret_cast<T*>(memory + row * row_bytes) + c; }
  SEC_DEVICE T* mine(int row) const { return at(row, static_cast<int>(threadIdx.x) % pieces * width); }

  // Index in the output of this thread's first column of a row; negative if the row or column does not exist.
  SEC_DEVICE std::int64_t place(int row) const {
    const ConvProblem& s = problem.s;
    const int h = row % s.h;
    const int u = row / s.h % problem.steps;
    const int sample = row / s.h / problem.steps;
    if (sample >= samples() || u >= steps() || column() >= s.out_channels) {
      return -1;
    }
    const std::int64_t time =
        (first_sample + sample) * s.out_length + (first_step + u) * s.out_step + s.out_first;
    return (time * s.h + h) * s.out_channels + column();
  }

  // Copies this thread's 16 bytes of a row to index `at` of the output.
  SEC_DEVICE void store_row(int row, std::int64_t at) const {
    *reinterpret_cast<uint4*>(static_cast<T*>(problem.s.out) + at) =
        *reinterpret_cast<const uint4*>(mine(row));
  }

  // Sums over the rows of the tile. Uses the shared memory behind the results.
  SEC_DEVICE const float* add_down(const float (&value)[width]) const {
    return add_tile_rows<down, tile_columns>(reinterpret_cast<float*>(memory + tile_rows * row_bytes),
                                             first_row(), column() - first_column, value);
  }
};

// Fused forward: stores the results 16 bytes at a time, and the sums that `fusion` asks for.
template <typename T, int tile_columns>
SEC_DEVICE void finish_forward(const ResultTile<T, tile_columns>& tile) {
  constexpr int width = ResultTile<T, tile_columns>::width;
  constexpr int down = ResultTile<T, tile_columns>::down;
  const ConvProblem& s = tile.problem.s;
  const Fusion& fusion = tile.problem.fusion;
  const int thread = static_cast<int>(threadIdx.x);
  const int o = tile.first_column + thread;  // the channel whose sums this thread stores
  const bool stores_sums = thread < tile_columns && o < s.out_channels;
  float value[width] = {};
  float sum[width] = {};
  for (int row = tile.first_row(); row < tile_rows; row += down) {
    const std::int64_t at = tile.place(row);
    if (at >= 0) {
      tile.store_row(row, at);
      load(tile.mine(row), value);
#pragma unroll
      for (int i = 0; i < width; ++i) {
        sum[i] += value[i];
      }
    }
  }
  if (fusion.sums == nullptr && fusion.squeeze == nullptr) {
    return;
  }
  const bool one_sample = tile.problem.samples == 1;
  const float* const total = tile.add_down(sum);
  const auto store_squeeze = [&](int sample, int channel, float of_positions) {
    const std::int64_t row = tile.first_sample + sample;
    if (tile.problem.tiles_in_time == 1) {
      store(static_cast<T*>(fusion.squeeze) + row * s.out_channels + channel,
            of_positions / static_cast<float>(tile.positions()));
    } else {
      const std::int64_t part = row * tile.problem.tiles_in_time + tile.first_step / tile.problem.steps;
      fusion.squeeze_parts[part * s.out_channels + channel] = of_positions;
    }
  };
  if (fusion.squeeze != nullptr && one_sample && stores_sums) {
    store_squeeze(0, o, total[thread]);
  }
  if (fusion.squeeze != nullptr && !one_sample) {
    for (int item = thread; item < tile.samples() * tile_columns; item += threads) {
      const int sample = item / tile_columns;
      const int c = item % tile_columns;
      float of_sample = 0.0F;
      for (int row = 0; row < tile.positions(); ++row) {
        of_sample += load(tile.at(sample * tile.problem.steps * s.h + row, c));
      }
      if (tile.first_column + c < s.out_channels) {
        store_squeeze(sample, tile.first_column + c, of_sample);
      }
    }
  }
  if (fusion.sums != nullptr) {
    const auto rows = static_cast<float>(tile.samples() * tile.positions());
    float mean[width];
    float squares[width] = {};
    const int across = tile.column() - tile.first_column;
#pragma unroll
    for (int i = 0; i < width; ++i) {
      mean[i] = total[across + i] / rows;
    }
    for (int row = tile.first_row(); row < tile_rows; row += down) {
      if (tile.place(row) >= 0) {
        load(tile.mine(row), value);
#pragma unroll
        for (int i = 0; i < width; ++i) {
          squares[i] += (value[i] - mean[i]) * (value[i] - mean[i]);
        }
      }
    }
    float* const sums = fusion.sums + std::int64_t{blockIdx.x} * 2 * s.out_channels + o;
    if (stores_sums) {
      sums[0] = total[thread] / rows;
    }
    tile.add_down(squares);
    if (stores_sums) {
      sums[s.out_channels] = total[thread];
    }
    if (thread == 0 && blockIdx.y == 0) {
      fusion.counts[blockIdx.x] = rows;
    }
  }
}

// Fused dgrad: multiplies the gradient by the mask of dropout and ReLU, and stores batch norm's two sums.
template <typename T, int tile_columns>
SEC_DEVICE void finish_dgrad(const ResultTile<T, tile_columns>& tile) {
  constexpr int width = ResultTile<T, tile_columns>::width;
  constexpr int down = ResultTile<T, tile_columns>::down;
  const ConvProblem& s = tile.problem.s;
  const Fusion& fusion = tile.problem.fusion;
  const int thread = static_cast<int>(threadIdx.x);
  BatchNormCoefficients<width> batch_norm{};
  if (tile.column() < s.out_channels) {
    batch_norm = load_batch_norm<width>(fusion.before, tile.column());
  }
  float sum[width] = {};
  float product[width] = {};
  for (int row = tile.first_row(); row < tile_rows; row += down) {
    const std::int64_t at = tile.place(row);
    if (at >= 0) {
      float x[width];
      float gradient[width];
      load(static_cast<const T*>(fusion.x) + at, x);
      load(tile.mine(row), gradient);
      const unsigned kept = dropout_bits(fusion.before, at);
#pragma unroll
      for (int i = 0; i < width; ++i) {
        const float g = masked(batch_norm, kept, fusion.before.keep, i, x[i], gradient[i]);
        gradient[i] = static_cast<float>(T(g));  // rounds as a store to memory does
        sum[i] += gradient[i];
        product[i] += gradient[i] * (x[i] - batch_norm.centre[i]);
      }
      store(static_cast<T*>(s.out) + at, gradient);
    }
  }
  const int o = tile.first_column + thread;
  float* const sums = fusion.sums + std::int64_t{blockIdx.x} * 2 * s.out_channels + o;
  const bool stores_sums = thread < tile_columns && o < s.out_channels;
  const float* const total = tile.add_down(sum);
  if (stores_sums) {
    sums[0] = total[thread];
  }
  tile.add_down(product);
  if (stores_sums) {
    sums[s.out_channels] = total[thread];
  }
}

template <typename T, int tile_columns>
SEC_DEVICE void finish_unfused(const ResultTile<T, tile_columns>& tile) {
  for (int row = tile.first_row(); row < tile_rows; row += ResultTile<T, tile_columns>::down) {
    const std::int64_t at = tile.place(row);
    if (at >= 0) {
      tile.store_row(row, at);
    }
  }
}

}  // namespace sec::kernels::SEC_BACKEND::tensor
