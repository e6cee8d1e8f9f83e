// The gradient of the weights, version 4: tensor cores in bf16 or TF32.
//
// For tap j, gw[j] (Ci, Co) is a matrix product over positions:
// the transpose of x, shifted by j time steps, times gy.
// A block computes 32 x 32 channels of all taps, over one part of the positions. If there are enough channels and
// at most 7 taps, it computes 64 x 64, so that each x is read and activated for 64 output channels at a time.
// Channels are stored by groups of 32. A warp computes one tap of one group of x with all channels of gy:
//
//   32 x 32   warp j: tap j                      64 x 64   warp 2 j:     tap j, channels  0 ... 31 of x
//                                                          warp 2 j + 1: tap j, channels 32 ... 63 of x
//
// If these are fewer than eight warps, several warps share a tap: each takes a run of a tile's positions, and their
// sums are added in order at the end. A 1-tap convolution has eight warps for one tap, or four for two groups.
//
// The block iterates over tiles of up to 128 positions in bf16, or 160 if it computes 64 x 64 channels: 155 steps remain
// of 5000 at the beginning of the 1-D part, halved three times in its layers. f32 has room for half as many.
// cp.async copies a tile's gy and its window of x, once for all taps, into one of two buffers while the other is in use.
// The window of a 1-tap convolution has no time steps that its stride leaves out.
// Each warp keeps its sums in registers until the end.
// Each warp then writes its sums as those of this part, or adds them to gw if there is only one part.
// If fused, each thread activates the pieces of x that it has copied itself, before the barrier of the tile.
//   For the trunk (k = 15, stride 2, H = 8) a tile's 360 rows of x and 128 rows of gy have 31 KB in bf16.
//   They feed 1,966,080 multiply-adds: 0.008 bytes per flop.
// The depth of the fragments is positions, but channels are contiguous in memory.
// bf16 operands are transposed by ldmatrix, from rows of 64 bytes in the order of swizzled_offset.
// TF32 operands are loaded one by one, from rows 128 + 32 bytes apart, and are rounded before, by the thread that copied.
// The 4 x 8 elements that a warp loads are then in 32 different banks.
#include "kernels/cuda/conv.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr int group_channels = 32;  // channels per group
constexpr int least_warps = 8;      // of a block; with fewer taps, several warps share a tap
constexpr int max_taps = 16;        // one warp per tap
constexpr int max_wide_taps = 7;    // two warps per tap; with more, 64 x 64 sums would not fit in registers
constexpr int max_window_rows = 384;

// Positions of a tile, at most, of blocks of 64 x 64 (`wide`) or 32 x 32 channels.
SEC_HOST_DEVICE constexpr int most_rows_of(bool wide, std::int64_t element) {
  return (wide ? 320 : 256) / static_cast<int>(element);
}
// Rows of x in a tile's window, at most, of blocks of 64 x 64 channels.
constexpr int max_wide_window_rows(std::int64_t element) {
  return 704 / static_cast<int>(element);
}

template <typename T>
constexpr int pitch = group_channels* static_cast<int>(sizeof(T)) + (sizeof(T) == 2 ? 0 : 32);

// Byte offset of a 16-byte piece of a row of a group.
template <typename T>
SEC_HOST_DEVICE constexpr int place(int row, int piece) {
  return sizeof(T) == 2 ? swizzled_offset(row, piece) : row * pitch<T> + piece * 16;
}

// How a problem's positions are cut. A tile is `samples` x `steps` x H positions.
struct WeightTiles {
  bool wide;  // a block computes 64 x 64 channels, otherwise 32 x 32
  int samples, steps;
  int window_steps;  // time steps of x that a tile reads per sample
  int x_step;  // time steps of x between two steps of the window: 1, or the stride of a 1-tap convolution
  int splits;  // warps that share a tap
  int tiles_in_time;  // tiles per sample along time
  int x_rows;         // L * H, rows of x per sample
  std::int64_t tiles;
  std::int64_t part;  // tiles per part
  std::int64_t parts;

  SEC_HOST_DEVICE int channels() const { return wide ? 2 * group_channels : group_channels; }
  SEC_HOST_DEVICE bool has_table() const { return samples > 1 || x_step > 1; }  // see WindowSource
};

struct TensorWgradProblem {
  WgradProblem s;
  WeightTiles tiles;
  ActivationOperands before;  // applied to x, if the kernel activates
};
struct TensorWgradBatch {
  TensorWgradProblem problem[max_problems];
};

// Which lane addresses which row of 16 bytes (8 channels of a position) for ldmatrix .trans, bf16, depth 0 ... 15:
//
//   x, a operand    channels  0 ... 7   8 ... 15       gy, b operand    channels  0 ... 7   8 ... 15
//   positions 0 ... 7    lanes  0 ... 7   8 ... 15     positions 0 ... 7    lanes 0 ...  7  16 ... 23
//   positions 8 ... 15   lanes 16 ... 23  24 ... 31    positions 8 ... 15   lanes 8 ... 15  24 ... 31
//
// Adds one tile's product for one tap to `sum`. The depth of the fragments is positions;
// rows of the a fragments are channels of x, columns of the b fragments are channels of gy.
// x_row gives the row of the window for each position of the tile at tap 0;
// `shift` rows are added for the tap.
// Positions from `rows` on, a multiple of 16, are not in use: x_row and gy may begin within a tile.
template <typename T, int groups>
SEC_DEVICE void multiply_tile(float (&sum)[2][4 * groups][4],
                              const unsigned char* x,   // a group of the window
                              const unsigned char* gy,  // all groups of the tile
                              const int* x_row, int shift, int rows) {
  constexpr int tile_rows = most_rows_of(groups == 2, sizeof(T));
  constexpr int gy_group = tile_rows * pitch<T>;
  const int lane = static_cast<int>(threadIdx.x % 32);
  if constexpr (std::is_same_v<T, bf16>) {
    const int b_row = lane / 8 % 2 * 8 + lane % 8;
    const int b_lane[2] = {place<T>(b_row, lane / 16), place<T>(b_row, 2 + lane / 16)};
#pragma unroll
    for (int depth = 0; depth < tile_rows; depth += 16) {
      if (depth >= rows) {
        break;
      }
      unsigned a[2][4];
      const int a_from = place<T>(x_row[depth + lane / 16 * 8 + lane % 8] + shift, lane / 8 % 2);
      ldmatrix<4, true>(a[0], x + a_from);
      ldmatrix<4, true>(a[1], x + (a_from ^ 32));  // 16 channels further
#pragma unroll
      for (int c = 0; c < 4 * groups; c += 2) {
        unsigned b[4];
        ldmatrix<4, true>(b, gy + c / 4 * gy_group + depth * pitch<T> + b_lane[c / 2 % 2]);
        const unsigned b0[2] = {b[0], b[1]};
        const unsigned b1[2] = {b[2], b[3]};
#pragma unroll
        for (int r = 0; r < 2; ++r) {
          mma_m16n8k16_bf16(sum[r][c], a[r], b0, sum[r][c]);
          mma_m16n8k16_bf16(sum[r][c + 1], a[r], b1, sum[r][c + 1]);
        }
      }
    }
  } else {
    const int g = lane / 4;
    const int t = lane % 4;
#pragma unroll 1
    for (int depth = 0; depth < rows; depth += 8) {
      const auto* const low = reinterpret_cast<const float*>(x + (x_row[depth + t] + shift) * pitch<T>);
      const auto* const high = reinterpret_cast<const float*>(x + (x_row[depth + t + 4] + shift) * pitch<T>);
      unsigned a[2][4];
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        a[r][0] = __float_as_uint(low[16 * r + g]);
        a[r][1] = __float_as_uint(low[16 * r + g + 8]);
        a[r][2] = __float_as_uint(high[16 * r + g]);
        a[r][3] = __float_as_uint(high[16 * r + g + 8]);
      }
#pragma unroll
      for (int c = 0; c < 4 * groups; ++c) {
        const unsigned char* const group = gy + c / 4 * gy_group;
        const auto* const b_low = reinterpret_cast<const float*>(group + (depth + t) * pitch<T>);
        const auto* const b_high = reinterpret_cast<const float*>(group + (depth + t + 4) * pitch<T>);
        const unsigned b[2] = {__float_as_uint(b_low[8 * (c % 4) + g]),
                               __float_as_uint(b_high[8 * (c % 4) + g])};
        mma_m16n8k8_tf32(sum[0][c], a[0], b, sum[0][c]);
        mma_m16n8k8_tf32(sum[1][c], a[1], b, sum[1][c]);
      }
    }
  }
}

// Floats of a warp's sums.
SEC_HOST_DEVICE constexpr int split_floats(bool wide) {
  return wide ? 64 * 32 : 32 * 32;
}

// The tile that a block works on; the next one is found without a division.
struct TilePosition {
  int first_sample, first_step;

  SEC_DEVICE void advance(const WeightTiles& tiles) {
    first_step += tiles.steps;
    if (first_step >= tiles.tiles_in_time * tiles.steps) {
      first_step = 0;
      first_sample += tiles.samples;
    }
  }
};

// Which rows of x a tile's window contains, counted from the beginning of its first sample. Window row r contains
//   one sample per tile   (first_step * stride - pad) * H + r, or table[r] in place of r if steps are left out
//   several               table[r], the same for all tiles, because each tile begins with a sample
// It consists of zeros if that row is negative or not below `end`.
struct WindowSource {
  bool several, has_table;
  int first, end;
  const int* table;  // (window rows) in shared memory, unwritten if there is none

  SEC_DEVICE WindowSource(const WgradProblem& s, const WeightTiles& tiles, const TilePosition& at,
                          const int* of_rows)
      : several(tiles.samples > 1), has_table(tiles.has_table()), table(of_rows) {
    first = several ? 0 : (at.first_step * s.stride - s.pad) * s.h;
    end = (several ? min(tiles.samples, s.n - at.first_sample) : 1) * tiles.x_rows;
  }
  SEC_DEVICE unsigned row(int r) const { return static_cast<unsigned>(first + (has_table ? table[r] : r)); }
  SEC_DEVICE bool contains(unsigned row) const { return row < static_cast<unsigned>(end); }
};

template <typename T, bool wide, bool activated>
__global__ void __launch_bounds__(32 * (wide ? 2 * max_wide_taps : max_taps))
    conv_wgrad_tensor(TensorWgradBatch batch) {
  constexpr int groups = wide ? 2 : 1;
  constexpr int channels = groups * group_channels;
  constexpr int width = 16 / static_cast<int>(sizeof(T));
  constexpr int group_pieces = group_channels / width;  // 16-byte pieces per row of a group
  constexpr int pieces = groups * group_pieces;
  constexpr int tile_rows = most_rows_of(wide, sizeof(T));
  // Two buffers, each a window of x and a tile of gy, by groups of channels; then the table of WindowSource.
  DYN_SHARED(unsigned char, memory);
  SHARED(int, x_row, [tile_rows]);  // row of the window for each position, at tap 0
  SHARED(float, batch_norms, [activated ? 3 * channels : 1]);
  const WgradProblem& s = batch.problem[blockIdx.z].s;
  const WeightTiles& tiles = batch.problem[blockIdx.z].tiles;
  const ActivationOperands& before = batch.problem[blockIdx.z].before;
  const int column_tiles = (s.c_out + channels - 1) / channels;
  const int row_tile = static_cast<int>(blockIdx.x) / column_tiles;
  const int first_in = row_tile * channels;
  const int first_out = (static_cast<int>(blockIdx.x) - row_tile * column_tiles) * channels;
  const std::int64_t begin = blockIdx.y * tiles.part;
  if (first_in >= s.c_in || begin >= tiles.tiles) {
    return;  // the whole block returns: another problem of the batch is larger
  }
  const int used_rows = (tiles.samples * tiles.steps * s.h + 15) / 16 * 16;
  const auto count = static_cast<int>(min(tiles.part, tiles.tiles - begin));
  const int thread = static_cast<int>(threadIdx.x);
  const int threads = static_cast<int>(blockDim.x);
  const int sample_rows = tiles.window_steps * s.h;
  const int window_rows = tiles.samples * sample_rows;
  const int window_group = window_rows * pitch<T>;  // bytes
  constexpr int gy_group = tile_rows * pitch<T>;
  const int buffer_bytes = groups * (window_group + gy_group);

  // ---- tables ----

  auto* const table = reinterpret_cast<int*>(memory + 2 * buffer_bytes);
  if (tiles.has_table()) {
    for (int row = thread; row < window_rows; row += threads) {
      const int sample = row / sample_rows;
      const int step = (row - sample * sample_rows) / s.h;
      const int from = row - sample * sample_rows + step * (tiles.x_step - 1) * s.h;
      const int padded = from - s.pad * s.h;
      const bool present = padded >= 0 && padded < s.l * s.h;
      table[row] = tiles.samples == 1 ? from : present ? sample * s.l * s.h + padded : -1;
    }
  }
  const int x_steps = s.stride / tiles.x_step;  // steps of the window between two steps of gy
  for (int row = thread; row < tile_rows; row += threads) {
    const int step = row / s.h;
    const int sample = step / tiles.steps;
    const int u = step - sample * tiles.steps;
    // Positions past the end of the tile have zeros in gy, so they may read any row of x.
    x_row[row] = sample < tiles.samples ? sample * sample_rows + u * x_steps * s.h + row - step * s.h : 0;
  }
  if constexpr (activated) {
    write_batch_norm<T>(batch_norms, channels, before, first_in, s.c_in);
  }
  __syncthreads();  // all tables are written

  // ---- copies ----

  // A thread always copies the same piece of rows first_row, first_row + row_step, ...; row_step is a multiple of 8
  // for bf16, so that the order of pieces is the same in all of them.
  const int piece = thread % pieces;
  const int first_row = thread / pieces;
  const int row_step = threads / pieces;
  const int x_to = piece / group_pieces * window_group + place<T>(first_row, piece % group_pieces);
  const int gy_to =
      groups * window_group + piece / group_pieces * gy_group + place<T>(first_row, piece % group_pieces);
  const auto x_channel = static_cast<unsigned>(first_in + piece * width);
  const bool x_present = x_channel < static_cast<unsigned>(s.c_in);
  const int gy_channel = first_out + piece * width;
  // The 32-bit numbers of rows, counted from the beginning of x or gy, suffice (wgrad_tensor_supports).
  const auto copy_tile = [&](const TilePosition& at, unsigned char* buffer) {
    const WindowSource source(s, tiles, at, table);
    const auto x_bytes = static_cast<unsigned>(s.c_in) * static_cast<unsigned>(sizeof(T));  // per row
    const auto* const x = reinterpret_cast<const unsigned char*>(static_cast<const T*>(s.x) + x_channel) +
                          std::uint64_t{static_cast<unsigned>(at.first_sample * tiles.x_rows)} * x_bytes;
    unsigned char* to = buffer + x_to;
#pragma unroll 1
    for (int row = first_row; row < window_rows; row += row_step) {
      const unsigned from = source.row(row);
      const bool present = source.contains(from) && x_present;
      cp_async<16>(to, x + std::uint64_t{present ? from : 0U} * x_bytes, present ? 16 : 0);
      to += row_step * pitch<T>;
    }
    // Positions of a tile are consecutive rows of gy: a tile of several samples has all steps of each.
    const int rows = source.several ? min(tiles.samples, s.n - at.first_sample) * tiles.steps * s.h
                                    : min(tiles.steps, s.l_out - at.first_step) * s.h;
    const int end = gy_channel < s.c_out ? rows : 0;
    const auto tile_row = static_cast<unsigned>((at.first_sample * s.l_out + at.first_step) * s.h);
    const auto* const gy = reinterpret_cast<const unsigned char*>(static_cast<const T*>(s.gy) + gy_channel);
    const auto gy_bytes = static_cast<unsigned>(s.c_out) * static_cast<unsigned>(sizeof(T));
    to = buffer + gy_to;
#pragma unroll 1
    for (int row = first_row; row < used_rows; row += row_step) {
      const bool present = row < end;
      cp_async<16>(to, gy + std::uint64_t{present ? tile_row + static_cast<unsigned>(row) : 0U} * gy_bytes,
                   present ? 16 : 0);
      to += row_step * pitch<T>;
    }
  };

  // Activates the pieces of x that this thread has copied. `dropout`: a constant that says whether there is any.
  const auto activate_rows = [&](const TilePosition& at, unsigned char* buffer, auto dropout) {
    const WindowSource source(s, tiles, at, table);
    const auto mask_bytes = static_cast<unsigned>(s.c_in) / 8;  // per row
    const auto sample_row = static_cast<unsigned>(at.first_sample * tiles.x_rows);
    const unsigned char* const mask =
        dropout ? before.dropout_mask + x_channel / 8 + std::uint64_t{sample_row} * mask_bytes : nullptr;
    unsigned char* to = buffer + x_to;
#pragma unroll 1
    for (int row = first_row; row < window_rows; row += row_step) {
      const unsigned from = source.row(row);
      if (source.contains(from)) {
        unsigned kept = 0xFFU;
        if constexpr (dropout) {
          kept = mask[std::uint64_t{from} * mask_bytes];
          kept = width == 8 ? kept : kept >> x_channel % 8;
        }
        // Read for each row: a thread has one to three, and no registers to spare beside its sums.
        const auto batch_norm = read_batch_norm<width>(batch_norms, channels, piece * width);
        activate_piece<dropout>(reinterpret_cast<T*>(to), batch_norm, kept, before.keep);
      }
      to += row_step * pitch<T>;
    }
  };
  const auto activate_tile = [&](const TilePosition& at, unsigned char* buffer) {
    if (x_present && before.dropout_mask != nullptr) {
      activate_rows(at, buffer, std::true_type());
    } else if (x_present) {
      activate_rows(at, buffer, std::false_type());
    }
  };

  // f32: rounds what this thread has copied to TF32. Activated x is rounded already.
  const auto round_tile = [&](unsigned char* buffer) {
    if constexpr (std::is_same_v<T, float>) {
      const auto round_rows = [&](unsigned char* to, int rows) {
#pragma unroll 1
        for (int row = first_row; row < rows; row += row_step) {
          round_piece(reinterpret_cast<float*>(to));
          to += row_step * pitch<T>;
        }
      };
      round_rows(buffer + gy_to, used_rows);
      if constexpr (!activated) {
        round_rows(buffer + x_to, window_rows);
      }
    }
  };

  // ---- the loop over tiles ----

  // Warps are numbered by (split, tap, group of x). A warp multiplies positions first_position ... of its tap.
  const int warp = thread / 32;
  const int unit_warps = s.k * groups;
  const int split = tiles.splits == 1 ? 0 : warp / unit_warps;
  const int unit = warp - split * unit_warps;
  const int tap = unit / groups;
  const int group = unit % groups;
  const int run = (used_rows / 16 + tiles.splits - 1) / tiles.splits * 16;  // positions of a split
  const int first_position = split * run;
  const bool multiplies = tap < s.k && split < tiles.splits;
  float sum[2][4 * groups][4] = {};
  const auto sample_tile = static_cast<int>(begin / tiles.tiles_in_time);
  TilePosition current{
      sample_tile * tiles.samples,
      static_cast<int>(begin - std::int64_t{sample_tile} * tiles.tiles_in_time) * tiles.steps};
  copy_tile(current, memory + count % 2 * buffer_bytes);
  cp_async_commit();
#pragma unroll 1
  for (int left = count; left > 0; --left) {
    const int buffer = left % 2 * buffer_bytes;
    cp_async_wait<0>();  // this thread's copies for this tile have arrived
    if constexpr (activated) {
      activate_tile(current, memory + buffer);
    }
    round_tile(memory + buffer);
    __syncthreads();  // the tile is complete, and all warps have read the other buffer, which is filled next
    current.advance(tiles);
    if (left > 1) {
      copy_tile(current, memory + (buffer_bytes - buffer));
      cp_async_commit();
    }
    if (multiplies) {
      multiply_tile<T, groups>(sum, memory + buffer + group * window_group,
                               memory + buffer + groups * window_group + first_position * pitch<T>,
                               x_row + first_position, tap * s.h, min(run, used_rows - first_position));
    }
  }

  const int lane = thread % 32;
  if (tiles.splits > 1) {
    auto* const sums = reinterpret_cast<float*>(memory) + unit * split_floats(wide) + lane;
    const int of_split = unit_warps * split_floats(wide);
    __syncthreads();  // all warps have read the buffers, which the sums overwrite
    if (multiplies && split > 0) {
      float* const to = sums + (split - 1) * of_split;
#pragma unroll
      for (int i = 0; i < 32 * groups; ++i) {
        to[i * 32] = sum[i / (16 * groups)][i / 4 % (4 * groups)][i % 4];
      }
    }
    __syncthreads();  // the sums of all splits but the first are in shared memory
    for (int other = 1; other < tiles.splits && split == 0; ++other) {
#pragma unroll
      for (int i = 0; i < 32 * groups; ++i) {
        sum[i / (16 * groups)][i / 4 % (4 * groups)][i % 4] += sums[(other - 1) * of_split + i * 32];
      }
    }
  }
  if (tap >= s.k || split > 0) {
    return;
  }
  // This lane's sums are columns o, o + 1, o + 8, ... of rows i, i + 8, i + 16 and i + 24 of the tap.
  const bool adds = s.partial == nullptr;
  const int i = first_in + group * group_channels + lane / 4;
  const int o = first_out + lane % 4 * 2;
  float* const to =
      (adds ? s.gw : s.partial + blockIdx.y * s.weights()) + ((std::int64_t{tap} * s.c_in + i) * s.c_out + o);
#pragma unroll
  for (int row = 0; row < group_channels; row += 8) {
    if (i + row < s.c_in) {
      float* const to_row = to + std::int64_t{row} * s.c_out;
#pragma unroll
      for (int c = 0; c < 4 * groups; ++c) {
        if (o + c * 8 < s.c_out) {  // channel counts are multiples of 4, so o + 1 exists too
          const float* const pair = &sum[row / 16][c][row / 8 % 2 * 2];
          auto* const at = reinterpret_cast<float2*>(to_row + c * 8);
          float2 value = make_float2(pair[0], pair[1]);
          if (adds) {
            const float2 old = *at;
            value = make_float2(old.x + value.x, old.y + value.y);
          }
          *at = value;
        }
      }
    }
  }
}

// ---- launchers ----

// Cuts into tiles for blocks of 64 x 64 or 32 x 32 channels.
WeightTiles cut(const WgradProblem& s, bool wide, std::int64_t element) {
  WeightTiles t{};
  t.wide = wide;
  t.x_rows = s.l * s.h;
  t.splits = max(least_warps / (s.k * (wide ? 2 : 1)), 1);  // by the shape alone, as sums depend on it
  t.x_step = s.k == 1 ? s.stride : 1;
  const int most = most_rows_of(wide, element) / s.h;  // time steps per tile
  t.tiles_in_time = (s.l_out + most - 1) / most;
  t.steps = (s.l_out + t.tiles_in_time - 1) / t.tiles_in_time;
  t.window_steps = (t.steps - 1) * (s.stride / t.x_step) + s.k;
  // Uses several whole samples per tile if they fit, but no window larger than shared memory holds.
  const int rows = t.window_steps * s.h;  // of one sample's window
  const int most_rows = wide ? max_wide_window_rows(element) : max_window_rows;
  const int most_samples = rows < most_rows ? most_rows / rows : 1;
  const int samples = t.tiles_in_time == 1 ? most / t.steps : 1;
  t.samples = min(samples, most_samples);
  t.tiles = ceil_div(s.n, t.samples) * t.tiles_in_time;
  // Makes parts of at least part_tiles tiles of f32's size, but no more parts than make most_blocks blocks.
  const std::int64_t least = ceil_div(std::int64_t{s.tiles.part_tiles} * element, 4);
  const std::int64_t blocks = ceil_div(s.c_in, t.channels()) * ceil_div(s.c_out, t.channels());
  const std::int64_t most_parts = max(s.tiles.most_blocks / blocks, std::int64_t{1});
  const std::int64_t parts = min(ceil_div(t.tiles, least), most_parts);
  t.part = ceil_div(t.tiles, parts);
  t.parts = ceil_div(t.tiles, t.part);
  return t;
}

WeightTiles cut(const WgradProblem& s, std::int64_t element) {
  constexpr int channels = 2 * group_channels;
  if (s.c_in >= channels && s.c_out >= channels && s.k <= max_wide_taps &&
      s.h <= most_rows_of(true, element)) {
    const WeightTiles wide = cut(s, true, element);
    if (wide.window_steps * s.h <= max_wide_window_rows(element)) {
      return wide;
    }
  }
  return cut(s, false, element);
}

std::int64_t shared_bytes(const WgradProblem& s, const WeightTiles& tiles, std::int64_t element) {
  const std::int64_t row = element == 2 ? pitch<bf16> : pitch<float>;
  const std::int64_t window_rows = std::int64_t{tiles.samples} * tiles.window_steps * s.h;
  const int unit_warps = s.k * (tiles.wide ? 2 : 1);
  const std::int64_t sums = std::int64_t{tiles.splits - 1} * unit_warps * split_floats(tiles.wide) * 4;
  const std::int64_t buffers =
      2 * (window_rows + most_rows_of(tiles.wide, element)) * row * (tiles.channels() / group_channels) +
      (tiles.has_table() ? window_rows * 4 : 0);
  return max(buffers, sums);
}

// Static shared memory of a block: the row of each position, and batch norm's coefficients of at most 64 channels.
constexpr std::int64_t static_bytes = most_rows_of(true, 2) * 4 + 3 * 2 * group_channels * 4;

// Runs the problems of a batch whose blocks compute 64 x 64 (`wide`) or 32 x 32 channels.
template <typename T, bool wide>
void launch_wgrad(Stream& stream, const WgradBatch& batch) {
  constexpr std::int64_t element = sizeof(T);
  TensorWgradBatch problems{};
  int chosen = 0;
  std::int64_t shared = 0;
  std::int64_t blocks = 0;
  std::int64_t parts = 0;
  int warps = 0;
  for (int j = 0; j < batch.problems; ++j) {
    const WgradProblem& s = batch.problem[j];
    const WeightTiles tiles = cut(s, element);
    if (tiles.wide != wide) {
      continue;
    }
    problems.problem[chosen++] = {s, tiles, batch.before[j]};
    shared = max(shared, shared_bytes(s, tiles, element));
    blocks = max(blocks, ceil_div(s.c_in, tiles.channels()) * ceil_div(s.c_out, tiles.channels()));
    parts = max(parts, tiles.parts);
    warps = max(warps, s.k * (wide ? 2 : 1) * tiles.splits);
  }
  if (chosen == 0) {
    return;
  }
  const dim3 grid(blocks_for(blocks, 1), blocks_for(parts, 1), static_cast<unsigned>(chosen));
  const dim3 block(static_cast<unsigned>(32 * warps));
  if (batch.activated) {
    launch<conv_wgrad_tensor<T, wide, true>>(stream, grid, block, static_cast<std::size_t>(shared), problems);
  } else {
    launch<conv_wgrad_tensor<T, wide, false>>(stream, grid, block, static_cast<std::size_t>(shared),
                                              problems);
  }
}

}  // namespace

bool wgrad_tensor_supports(const WgradProblem& s, DType type) {
  constexpr std::int64_t most_rows = std::numeric_limits<int>::max();
  if (type == DType::i32 || s.k > max_taps || s.h > most_rows_of(false, 4) ||
      max(std::int64_t{s.n} * s.l * s.h, s.rows()) > most_rows) {
    return false;
  }
  const auto element = static_cast<std::int64_t>(size_of(type));
  return s.c_in * element % 16 == 0 && s.c_out * element % 16 == 0 && aligned(s.x, s.gy) &&
         shared_bytes(s, cut(s, element), element) + static_bytes <= static_cast<std::int64_t>(max_shared);
}

void cut_tensor(WgradProblem& s, DType type) {
  s.parts = cut(s, static_cast<std::int64_t>(size_of(type))).parts;
}

void run_wgrad_tensor(Stream& stream, const WgradBatch& batch) {
  by_type(batch.type, "conv.wgrad", [&](auto zero) {
    using T = decltype(zero);
    launch_wgrad<T, true>(stream, batch);
    launch_wgrad<T, false>(stream, batch);
  });
}

}  // namespace sec::kernels::SEC_BACKEND
