// The gradient of the weights, version 4: tensor cores in bf16 or TF32.
//
// For tap j, gw[j] (Ci, Co) is a matrix product over positions:
// the transpose of x, shifted by j time steps, times gy.
// A block computes 32 x 32 channels of all taps, one warp per tap, over one part of the positions.
// It iterates over tiles of up to 64 positions. cp.async copies a tile's gy and its window of x,
// once for all taps, into one of two buffers while the other is in use.
// Each warp keeps its 32 x 32 sums in registers until the end.
// Each warp then writes its sums as those of this part, or adds them to gw if there is only one part.
// If fused, each window of x is activated in place on arrival, which costs one more barrier per tile.
//   For the trunk (k = 15, stride 2, H = 8) a tile's 232 rows of x and 64 rows of gy have 19 KB in bf16.
//   They feed 983,040 multiply-adds: 0.01 bytes per flop.
// The depth of the fragments is positions, but channels are contiguous in memory.
// bf16 operands are transposed by ldmatrix, from rows of 64 bytes in the order of swizzled_offset.
// TF32 operands are loaded one by one, from rows 128 + 32 bytes apart.
// The 4 x 8 elements that a warp loads are then in 32 different banks.
#include "kernels/cuda/conv.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr int tile_rows = 64;  // positions per tile
constexpr int channels = 32;   // channels of x, and of gy, per block
constexpr int max_taps = 16;   // one warp per tap
constexpr int max_window_rows = 384;

template <typename T>
constexpr int pitch = channels* static_cast<int>(sizeof(T)) + (sizeof(T) == 2 ? 0 : 32);

// Byte offset of a 16-byte piece of a row.
template <typename T>
SEC_HOST_DEVICE constexpr int place(int row, int piece) {
  return sizeof(T) == 2 ? swizzled_offset(row, piece) : row * pitch<T> + piece * 16;
}

// How a problem's positions are cut. A tile is `samples` x `steps` x H positions.
struct WeightTiles {
  int samples, steps;
  int window_steps;   // time steps of x that a tile reads per sample
  int tiles_in_time;  // tiles per sample along time
  std::int64_t tiles;
  std::int64_t part;  // tiles per part
  std::int64_t parts;
};

SEC_HOST_DEVICE inline WeightTiles cut(const WgradProblem& s) {
  WeightTiles t{};
  const int most = tile_rows / s.h;  // time steps per tile
  t.tiles_in_time = (s.l_out + most - 1) / most;
  t.steps = (s.l_out + t.tiles_in_time - 1) / t.tiles_in_time;
  t.window_steps = (t.steps - 1) * s.stride + s.k;
  // Uses several whole samples per tile if they fit, but no window larger than shared memory holds.
  const int rows = t.window_steps * s.h;  // bytes of one sample's window
  const int most_samples = rows < max_window_rows ? max_window_rows / rows : 1;
  const int samples = t.tiles_in_time == 1 ? most / t.steps : 1;
  t.samples = samples < most_samples ? samples : most_samples;
  t.tiles = static_cast<std::int64_t>((s.n + t.samples - 1) / t.samples) * t.tiles_in_time;
  // Makes parts of at least part_tiles tiles, but no more parts than make most_blocks blocks.
  const std::int64_t blocks =
      static_cast<std::int64_t>((s.c_in + channels - 1) / channels) * ((s.c_out + channels - 1) / channels);
  const std::int64_t most_parts = blocks < s.tiles.most_blocks ? s.tiles.most_blocks / blocks : 1;
  const std::int64_t wanted = (t.tiles + s.tiles.part_tiles - 1) / s.tiles.part_tiles;
  const std::int64_t parts = wanted < most_parts ? wanted : most_parts;
  t.part = (t.tiles + parts - 1) / parts;
  t.parts = (t.tiles + t.part - 1) / t.part;
  return t;
}

// Adds one tile's product for one tap to `sum`. The depth of the fragments is positions;
// rows of the a fragments are channels of x, columns of the b fragments are channels of gy.
// x_row gives the row of the window for each position of the tile at tap 0;
// `shift` rows are added for the tap.
template <typename T>
SEC_DEVICE void multiply_tile(float (&sum)[2][4][4], const unsigned char* x, const unsigned char* gy,
                              const int* x_row, int shift) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  if constexpr (std::is_same_v<T, bf16>) {
#pragma unroll 1
    for (int depth = 0; depth < tile_rows; depth += 16) {
      unsigned a[2][4];
      const int a_position = depth + lane / 16 * 8 + lane % 8;
      const int a_row = x_row[a_position] + shift;
      ldmatrix<4, true>(a[0], x + place<T>(a_row, lane / 8 % 2));
      ldmatrix<4, true>(a[1], x + place<T>(a_row, 2 + lane / 8 % 2));
      const int b_row = depth + lane / 8 % 2 * 8 + lane % 8;
#pragma unroll
      for (int c = 0; c < 4; c += 2) {
        unsigned b[4];
        ldmatrix<4, true>(b, gy + place<T>(b_row, c + lane / 16));
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
    for (int depth = 0; depth < tile_rows; depth += 8) {
      const auto* const low = reinterpret_cast<const float*>(x + (x_row[depth + t] + shift) * pitch<T>);
      const auto* const high = reinterpret_cast<const float*>(x + (x_row[depth + t + 4] + shift) * pitch<T>);
      unsigned a[2][4];
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        a[r][0] = to_tf32(low[16 * r + g]);
        a[r][1] = to_tf32(low[16 * r + g + 8]);
        a[r][2] = to_tf32(high[16 * r + g]);
        a[r][3] = to_tf32(high[16 * r + g + 8]);
      }
      const auto* const b_low = reinterpret_cast<const float*>(gy + (depth + t) * pitch<T>);
      const auto* const b_high = reinterpret_cast<const float*>(gy + (depth + t + 4) * pitch<T>);
#pragma unroll
      for (int c = 0; c < 4; ++c) {
        const unsigned b[2] = {to_tf32(b_low[8 * c + g]), to_tf32(b_high[8 * c + g])};
        mma_m16n8k8_tf32(sum[0][c], a[0], b, sum[0][c]);
        mma_m16n8k8_tf32(sum[1][c], a[1], b, sum[1][c]);
      }
    }
  }
}

template <typename T, bool activated>
__global__ void __launch_bounds__(32 * max_taps) conv_wgrad_tensor(WgradBatch batch) {
  DYN_SHARED(unsigned char, memory);  // two buffers, each a window of x and a tile of gy
  SHARED(int, x_row, [tile_rows]);    // row of the window for each position, at tap 0
  constexpr int pieces = channels * static_cast<int>(sizeof(T)) / 16;  // 16-byte pieces per row
  constexpr int width = 16 / static_cast<int>(sizeof(T));
  const WgradProblem& s = batch.problem[blockIdx.z];
  const WeightTiles tiles = cut(s);
  const int column_tiles = (s.c_out + channels - 1) / channels;
  const int first_in = static_cast<int>(blockIdx.x) / column_tiles * channels;
  const int first_out = static_cast<int>(blockIdx.x) % column_tiles * channels;
  const std::int64_t begin = blockIdx.y * tiles.part;
  if (first_in >= s.c_in || begin >= tiles.tiles) {
    return;  // the whole block returns: another problem of the batch is larger
  }
  const std::int64_t end = min(begin + tiles.part, tiles.tiles);
  const int thread = static_cast<int>(threadIdx.x);
  const int threads = static_cast<int>(blockDim.x);
  const int sample_rows = tiles.window_steps * s.h;
  const int window_rows = tiles.samples * sample_rows;
  const int buffer_bytes = (window_rows + tile_rows) * pitch<T>;

  for (int row = thread; row < tile_rows; row += threads) {
    const int sample = row / s.h / tiles.steps;
    const int u = row / s.h % tiles.steps;
    // Positions past the end of the tile have zeros in gy, so they may read any row of x.
    x_row[row] = sample < tiles.samples ? sample * sample_rows + u * s.stride * s.h + row % s.h : 0;
  }

  const auto issue = [&](std::int64_t tile) {
    if (tile < end) {
      unsigned char* const window = memory + (tile - begin) % 2 * buffer_bytes;
      const std::int64_t first_sample = tile / tiles.tiles_in_time * tiles.samples;
      const int first_step = static_cast<int>(tile % tiles.tiles_in_time) * tiles.steps;
      const int first_row = (first_step * s.stride - s.pad) * s.h;
      const T* const x = static_cast<const T*>(s.x);
      for (int piece = thread; piece < window_rows * pieces; piece += threads) {
        const int row = piece / pieces;
        const std::int64_t sample = first_sample + row / sample_rows;
        const int from = first_row + row % sample_rows;
        const int i = first_in + piece % pieces * width;
        const bool present = sample < s.n && from >= 0 && from < s.l * s.h && i < s.c_in;
        cp_async<16>(window + place<T>(row, piece % pieces),
                     present ? x + (sample * s.l * s.h + from) * s.c_in + i : x, present ? 16 : 0);
      }
      unsigned char* const gradient = window + window_rows * pitch<T>;
      const T* const gy = static_cast<const T*>(s.gy);
      for (int piece = thread; piece < tile_rows * pieces; piece += threads) {
        const int row = piece / pieces;
        const int in_tile = row / s.h / tiles.steps;
        const int u = first_step + row / s.h % tiles.steps;
        const int o = first_out + piece % pieces * width;
        const bool present =
            in_tile < tiles.samples && first_sample + in_tile < s.n && u < s.l_out && o < s.c_out;
        const std::int64_t from = ((first_sample + in_tile) * s.l_out + u) * s.h + row % s.h;
        cp_async<16>(gradient + place<T>(row, piece % pieces), present ? gy + from * s.c_out + o : gy,
                     present ? 16 : 0);
      }
    }
    cp_async_commit();
  };

  BatchNormCoefficients<8> batch_norm{};  // batch norm of this thread's eight channels of the window
  constexpr int groups = channels / 8;
  const int first_active = first_in + thread % groups * 8;
  if (activated && first_active < s.c_in) {
    batch_norm = load_batch_norm<8>(batch.before[blockIdx.z], first_active);
  }
  const auto activate_tile = [&](std::int64_t tile, unsigned char* window) {
    const std::int64_t first_sample = tile / tiles.tiles_in_time * tiles.samples;
    const int first_row =
        (static_cast<int>(tile % tiles.tiles_in_time) * tiles.steps * s.stride - s.pad) * s.h;
    activate_window<T, std::is_same_v<T, float>>(
        [&](int row, int piece) { return window + place<T>(row, piece); }, window_rows, groups,
        batch.before[blockIdx.z], batch_norm,
        [&](int row) {
          const std::int64_t sample = first_sample + row / sample_rows;
          const int from = first_row + row % sample_rows;
          const bool inside = sample < s.n && from >= 0 && from < s.l * s.h && first_active < s.c_in;
          return inside ? (sample * s.l * s.h + from) * s.c_in + first_active : -1;
        });
  };

  const int tap = thread / 32;
  float sum[2][4][4] = {};
  issue(begin);
  for (std::int64_t tile = begin; tile < end; ++tile) {
    issue(tile + 1);
    cp_async_wait<1>();
    __syncthreads();  // all copies for this tile have arrived
    unsigned char* const window = memory + (tile - begin) % 2 * buffer_bytes;
    if constexpr (activated) {
      activate_tile(tile, window);
      __syncthreads();  // the whole window is activated
    }
    if (tap < s.k) {
      multiply_tile<T>(sum, window, window + window_rows * pitch<T>, x_row, tap * s.h);
    }
    __syncthreads();  // all warps have read this buffer, which the next copies overwrite
  }

  if (tap >= s.k) {
    return;
  }
  const int lane = thread % 32;
  const bool adds = s.partial == nullptr;
#pragma unroll
  for (int r = 0; r < 2; ++r) {
#pragma unroll
    for (int c = 0; c < 4; ++c) {
#pragma unroll
      for (int e = 0; e < 4; e += 2) {
        const int i = first_in + r * 16 + lane / 4 + e / 2 * 8;
        const int o = first_out + c * 8 + lane % 4 * 2;
        if (i < s.c_in && o < s.c_out) {  // channel counts are multiples of 4, so o + 1 exists too
          const std::int64_t at = (std::int64_t{tap} * s.c_in + i) * s.c_out + o;
          auto* const to =
              reinterpret_cast<float2*>(adds ? s.gw + at : s.partial + blockIdx.y * s.weights() + at);
          float2 value = make_float2(sum[r][c][e], sum[r][c][e + 1]);
          if (adds) {
            const float2 before = *to;
            value = make_float2(before.x + value.x, before.y + value.y);
          }
          *to = value;
        }
      }
    }
  }
}

// ---- launchers ----

std::int64_t shared_bytes(const WgradProblem& s, std::int64_t element) {
  const WeightTiles tiles = cut(s);
  const std::int64_t row = element == 2 ? pitch<bf16> : pitch<float>;
  return 2 * (std::int64_t{tiles.samples} * tiles.window_steps * s.h + tile_rows) * row;
}

}  // namespace

bool wgrad_tensor_supports(const WgradProblem& s, DType type) {
  if (type == DType::i32 || s.k > max_taps || s.h > tile_rows) {
    return false;
  }
  const auto element = static_cast<std::int64_t>(size_of(type));
  return s.c_in * element % 16 == 0 && s.c_out * element % 16 == 0 && aligned(s.x, s.gy) &&
         shared_bytes(s, element) + tile_rows * 4 <= static_cast<std::int64_t>(max_shared);
}

void cut_tensor(WgradProblem& s) {
  s.parts = cut(s).parts;
}

void run_wgrad_tensor(Stream& stream, const WgradBatch& batch) {
  const auto element = static_cast<std::int64_t>(size_of(batch.type));
  const std::int64_t shared = largest(batch, [=](const WgradProblem& s) { return shared_bytes(s, element); });
  const std::int64_t taps = largest(batch, [](const WgradProblem& s) { return std::int64_t{s.k}; });
  const dim3 grid = wgrad_grid(
      batch, [](const WgradProblem& s) { return ceil_div(s.c_in, channels) * ceil_div(s.c_out, channels); });
  by_type(batch.type, "conv.wgrad", [&](auto zero) {
    using T = decltype(zero);
    const dim3 block(static_cast<unsigned>(32 * taps));
    if (batch.activated) {
      launch<conv_wgrad_tensor<T, true>>(stream, grid, block, static_cast<std::size_t>(shared), batch);
    } else {
      launch<conv_wgrad_tensor<T, false>>(stream, grid, block, static_cast<std::size_t>(shared), batch);
    }
  });
}

}  // namespace sec::kernels::SEC_BACKEND
