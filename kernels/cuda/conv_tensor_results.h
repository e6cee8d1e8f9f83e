// The last part of conv_tensor.cu's kernel.
// It writes a block's results from shared memory to global memory, 16 bytes at a time along channels.
// Fused kernels also take sums of the results.
#pragma once

#include "kernels/cuda/conv.h"
#include "kernels/cuda/tile_sums.h"

namespace sec::kernels::SEC_BACKEND::tensor {

// How a block of 32 or 64 output channels divides its rows among warps. A warp has 64 sums per thread in both cases.
//   32 columns   4 warps of 64 rows, 4 fragments of 16
//   64 columns   5 warps of 32 rows, 2 fragments of 16: the 155, 78, 39 and 20 steps of the 1-D part, which
//                5000 samples lead to, fill 97 to 100 % of tiles of 160
SEC_HOST_DEVICE constexpr int warps_of(int columns) {
  return columns == 32 ? 4 : 5;
}
SEC_HOST_DEVICE constexpr int fragments_of(int columns) {
  return columns == 32 ? 4 : 2;
}
SEC_HOST_DEVICE constexpr int threads_of(int columns) {
  return 32 * warps_of(columns);
}
SEC_HOST_DEVICE constexpr int rows_of(int columns) {
  return 16 * fragments_of(columns) * warps_of(columns);
}
static_assert(rows_of(32) == most_tile_rows(32) && rows_of(64) == most_tile_rows(64));

// x / divisor, for a divisor known on the host. The estimate of the quotient is at most 1 too small.
struct Divisor {
  unsigned divisor;
  unsigned reciprocal;  // 2^32 / divisor rounded down, or 2^32 - 1 if that is 2^32

  SEC_DEVICE unsigned divide(unsigned x) const {
    const unsigned quotient = __umulhi(x, reciprocal);
    return x - quotient * divisor >= divisor ? quotient + 1 : quotient;
  }
};
inline Divisor divisor_of(int divisor) {
  const auto d = static_cast<unsigned>(divisor);
  return {d, d == 1 ? ~0U : static_cast<unsigned>((std::uint64_t{1} << 32) / d)};
}

// A problem, and how its rows are cut into tiles.
struct TensorProblem {
  ConvProblem s;
  Fusion fusion;
  const void* w;       // the weights in the element type
  int samples, steps;  // samples of a tile, and time steps per sample
  int window_steps;    // time steps of the input that a tile reads per sample
  int window_rows;     // samples * window_steps * H
  int windows;         // windows in shared memory at a time, one per chunk
  int chunks;          // chunks of 64 bytes of input channels
  int tiles_in_time;   // tiles per sample along time
  // What blocks would otherwise compute from the above, each time.
  Divisor by_tiles, by_h, by_steps;  // tiles_in_time, H, steps
  int x_rows;                        // in_length * H
  int w_row_bytes;  // between two rows of channels of a tap of w: input channels in forward, output channels in dgrad
  int tap_step;    // bytes from a tap of w to the next one in the order of the loop
  int chunk_step;  // bytes from past the last tap of a chunk to the first tap of the next chunk
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

// What a row of a tile stands for: an output position (sample, u, h), in this order.
struct TileRow {
  int window_row;  // the row of the window that it reads at tap 0; 0 for rows past the end of the tile
  int out_row;  // its row of the output, from the beginning of the tile's first sample; -1 if it does not exist
};
SEC_DEVICE TileRow tile_row(const TensorProblem& problem, std::int64_t first_sample, int first_step,
                            int row) {
  const ConvProblem& s = problem.s;
  int u = static_cast<int>(problem.by_h.divide(static_cast<unsigned>(row)));
  const int h = row - u * s.h;
  int sample = 0;
  if (problem.samples > 1) {
    sample = static_cast<int>(problem.by_steps.divide(static_cast<unsigned>(u)));
    u -= sample * problem.steps;
  }
  if (sample >= problem.samples || u >= problem.steps) {
    return {0, -1};
  }
  const int step = first_step + u;
  const int time = sample * s.out_length + step * s.out_step + s.out_first;
  return {(sample * problem.window_steps + u * s.in_step) * s.h + h,
          first_sample + sample < s.n && step < s.count ? time * s.h + h : -1};
}

// A tile of results in shared memory, and its position in the output.
// A thread handles 16 bytes of every `down`-th row; bf16, 32 columns:
//   row 0    threads 0 ... 3      row 32   threads 0 ... 3, their second piece
//   row 31   threads 124 ... 127  row 255  threads 124 ... 127, their eighth
template <typename T, int tile_columns>
struct ResultTile {
  static constexpr int row_bytes = result_pitch(tile_columns, static_cast<int>(sizeof(T)));
  static constexpr int width = 16 / static_cast<int>(sizeof(T));  // columns per thread
  static constexpr int pieces = tile_columns / width;             // threads per row
  static constexpr int threads = threads_of(tile_columns);
  static constexpr int tile_rows = rows_of(tile_columns);
  static constexpr int down = threads / pieces;   // rows that the block handles at a time
  static constexpr int turns = tile_rows / down;  // rows that a thread handles

  const TensorProblem& problem;
  unsigned char* memory;
  const int* out_rows;  // (tile_rows)
  std::int64_t first_sample;
  int first_step, first_column;
  std::int64_t origin;  // index in the output of this thread's first column of the first sample's first row
  unsigned row_bytes_out;  // of a row of the output

  SEC_DEVICE ResultTile(const TensorProblem& p, unsigned char* results, const int* rows, std::int64_t sample,
                        int step, int first)
      : problem(p),
        memory(results),
        out_rows(rows),
        first_sample(sample),
        first_step(step),
        first_column(first) {
    row_bytes_out = static_cast<unsigned>(p.s.out_channels) * static_cast<unsigned>(sizeof(T));
    origin = first_sample * (std::int64_t{p.s.out_length} * p.s.h * p.s.out_channels) + column();
  }

  SEC_DEVICE int column() const { return first_column + static_cast<int>(threadIdx.x) % pieces * width; }
  SEC_DEVICE int first_row() const { return static_cast<int>(threadIdx.x) / pieces; }
  SEC_DEVICE int samples() const {
    return static_cast<int>(min(std::int64_t{problem.samples}, problem.s.n - first_sample));
  }
  SEC_DEVICE int steps() const { return min(problem.steps, problem.s.count - first_step); }
  SEC_DEVICE int positions() const { return steps() * problem.s.h; }  // rows per sample
  SEC_DEVICE T* at(int row, int c) const { return reinterpret_cast<T*>(memory + row * row_bytes) + c; }
  SEC_DEVICE T* mine(int row) const { return at(row, static_cast<int>(threadIdx.x) % pieces * width); }

  // The output row of a tile's row, for `in`; negative if the row or this thread's columns do not exist.
  SEC_DEVICE int out_row(int row) const { return column() < problem.s.out_channels ? out_rows[row] : -1; }
  // This thread's 16 bytes of an output row, in a tensor of the output's shape. `first`: at index `origin`.
  template <typename Pointer>
  SEC_DEVICE Pointer* in(Pointer* first, int out_row) const {
    using Byte = std::conditional_t<std::is_const_v<Pointer>, const unsigned char, unsigned char>;
    return reinterpret_cast<Pointer*>(reinterpret_cast<Byte*>(first) +
                                      std::uint64_t{static_cast<unsigned>(out_row)} * row_bytes_out);
  }
  SEC_DEVICE T* out() const { return static_cast<T*>(problem.s.out) + origin; }

  // Copies this thread's 16 bytes of a row to `to`.
  SEC_DEVICE void store_row(int row, T* to) const {
    *reinterpret_cast<uint4*>(to) = *reinterpret_cast<const uint4*>(mine(row));
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
  constexpr int turns = ResultTile<T, tile_columns>::turns;
  const ConvProblem& s = tile.problem.s;
  const Fusion& fusion = tile.problem.fusion;
  const int thread = static_cast<int>(threadIdx.x);
  const int o = tile.first_column + thread;  // the channel whose sums this thread stores
  const bool stores_sums = thread < tile_columns && o < s.out_channels;
  T* const out = tile.out();
  float value[width] = {};
  float sum[width] = {};
#pragma unroll
  for (int turn = 0; turn < turns; ++turn) {
    const int row = tile.first_row() + turn * down;
    const int out_row = tile.out_row(row);
    if (out_row >= 0) {
      tile.store_row(row, tile.in(out, out_row));
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
    for (int item = thread; item < tile.samples() * tile_columns; item += tile.threads) {
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
#pragma unroll
    for (int turn = 0; turn < turns; ++turn) {
      const int row = tile.first_row() + turn * down;
      if (tile.out_row(row) >= 0) {
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

// The gradient of batch norm's output for 16 bytes of a row, from x and the gradient of the activation's output.
// Rounds it as a store to memory does, and adds it to the sums. `dropout`: whether there is any; keep is 1 without.
template <bool dropout, int width>
SEC_DEVICE void mask_piece(const BatchNormCoefficients<width>& n, unsigned kept, float keep,
                           const float* x_bits, float* gradient_bits, float (&sum)[width],
                           float (&product)[width]) {
  float x[width];
  float gradient[width];
  load(x_bits, x);
  load(gradient_bits, gradient);
#pragma unroll
  for (int i = 0; i < width; ++i) {
    gradient[i] = masked(n, dropout ? kept : 0xFFU, dropout ? keep : 1.0F, i, x[i], gradient[i]);
    sum[i] += gradient[i];
    product[i] += gradient[i] * (x[i] - n.centre[i]);
  }
  store(gradient_bits, gradient);
}
// bf16, with folded coefficients: the masks act on packed pairs, after rounding.
template <bool dropout>
SEC_DEVICE void mask_piece(const BatchNormCoefficients<8>& n, unsigned kept, float keep, const bf16* x_bits,
                           bf16* gradient_bits, float (&sum)[8], float (&product)[8]) {
  const uint4 x_packed = *reinterpret_cast<const uint4*>(x_bits);
  const uint4 packed = *reinterpret_cast<const uint4*>(gradient_bits);
  const unsigned x[4] = {x_packed.x, x_packed.y, x_packed.z, x_packed.w};
  unsigned gradient[4] = {packed.x, packed.y, packed.z, packed.w};
  unsigned active[4];
  unsigned masks[4] = {~0U, ~0U, ~0U, ~0U};
  activate_pairs(n, x, active);
  if constexpr (dropout) {
    masks_of_bits(kept, masks);
  }
#pragma unroll
  for (int p = 0; p < 4; ++p) {
    if constexpr (dropout) {
      const float2 unmasked = unpack_bf16(gradient[p]);
      gradient[p] = pack_bf16(unmasked.x * keep, unmasked.y * keep);
    }
    gradient[p] = gradient[p] & masks[p] & masks_of_nonzero(active[p]);
    const float2 both = unpack_bf16(gradient[p]);
    const float2 both_x = unpack_bf16(x[p]);
    sum[2 * p] += both.x;
    sum[2 * p + 1] += both.y;
    product[2 * p] += both.x * (both_x.x - n.centre[2 * p]);
    product[2 * p + 1] += both.y * (both_x.y - n.centre[2 * p + 1]);
  }
  *reinterpret_cast<uint4*>(gradient_bits) = make_uint4(gradient[0], gradient[1], gradient[2], gradient[3]);
}

// Multiplies this thread's part of the gradient by the mask of dropout and ReLU, stores it, and adds it to the sums.
// Reads x of two rows before the first is used, because each read takes long.
template <bool dropout, typename T, int tile_columns, int width>
SEC_DEVICE void mask_rows(const ResultTile<T, tile_columns>& tile,
                          const BatchNormCoefficients<width>& batch_norm, float (&sum)[width],
                          float (&product)[width]) {
  constexpr int down = ResultTile<T, tile_columns>::down;
  constexpr int turns = 2;  // rows whose x is in registers at a time
  const Fusion& fusion = tile.problem.fusion;
  const T* const x = static_cast<const T*>(fusion.x) + tile.origin;
  T* const out = tile.out();
  // Rows of C channels have C / 8 bytes of the mask. If C is not a multiple of 8, rows begin within a byte.
  const auto row_bits = static_cast<unsigned>(tile.problem.s.out_channels);
  const unsigned char* const mask =
      dropout ? fusion.before.dropout_mask + static_cast<std::uint64_t>(tile.origin) / 8 : nullptr;
  const unsigned first_bit = width == 8 ? 0 : static_cast<unsigned>(tile.origin) % 8;
#pragma unroll 1
  for (int first = tile.first_row(); first < ResultTile<T, tile_columns>::tile_rows; first += turns * down) {
    uint4 x_bits[turns];
    unsigned kept[turns];
#pragma unroll
    for (int turn = 0; turn < turns; ++turn) {
      const int out_row = tile.out_row(first + turn * down);
      if (out_row >= 0) {
        x_bits[turn] = *reinterpret_cast<const uint4*>(tile.in(x, out_row));
        if constexpr (dropout) {
          const auto row = static_cast<unsigned>(out_row);
          const unsigned bit = first_bit + (width == 8 ? 0 : row * row_bits);
          kept[turn] = width == 8 ? mask[std::uint64_t{row} * (row_bits / 8)]
                                  : static_cast<unsigned>(mask[bit / 8]) >> bit % 8;
        }
      }
    }
#pragma unroll
    for (int turn = 0; turn < turns; ++turn) {
      const int row = first + turn * down;
      const int out_row = tile.out_row(row);
      if (out_row >= 0) {
        uint4 gradient = *reinterpret_cast<const uint4*>(tile.mine(row));
        mask_piece<dropout>(batch_norm, dropout ? kept[turn] : 0xFFU, fusion.before.keep,
                            reinterpret_cast<const T*>(&x_bits[turn]), reinterpret_cast<T*>(&gradient), sum,
                            product);
        *reinterpret_cast<uint4*>(tile.in(out, out_row)) = gradient;
      }
    }
  }
}

// Fused dgrad: multiplies the gradient by the mask of dropout and ReLU, and stores batch norm's two sums.
template <typename T, int tile_columns>
SEC_DEVICE void finish_dgrad(const ResultTile<T, tile_columns>& tile,
                             const float* batch_norms) {  // a table of tile_columns channels
  constexpr int width = ResultTile<T, tile_columns>::width;
  const ConvProblem& s = tile.problem.s;
  const Fusion& fusion = tile.problem.fusion;
  const int thread = static_cast<int>(threadIdx.x);
  const auto batch_norm =
      read_batch_norm<width>(batch_norms, tile_columns, tile.column() - tile.first_column);
  float sum[width] = {};
  float product[width] = {};
  if (fusion.before.dropout_mask != nullptr) {
    mask_rows<true>(tile, batch_norm, sum, product);
  } else {
    mask_rows<false>(tile, batch_norm, sum, product);
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
  T* const out = tile.out();
#pragma unroll
  for (int turn = 0; turn < ResultTile<T, tile_columns>::turns; ++turn) {
    const int row = tile.first_row() + turn * ResultTile<T, tile_columns>::down;
    const int out_row = tile.out_row(row);
    if (out_row >= 0) {
      tile.store_row(row, tile.in(out, out_row));
    }
  }
}

}  // namespace sec::kernels::SEC_BACKEND::tensor
