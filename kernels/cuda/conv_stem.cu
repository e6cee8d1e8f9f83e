// Convolution, version 5: one input channel, stride 2, 33 to 64 taps, on tensor cores in bf16 or TF32.
// This is the network's first convolution (the stem). Forward and the gradient of the weights, unfused.
//
// Forward is a matrix product for each lead: rows are output steps t, the depth is taps j, columns are channels.
// Its left operand is a[t][j] = x[2 t + j - pad]. The window of a lead lies in shared memory in the order of time,
// so a row is the row above shifted by one word: two bf16, or two words of one f32 each.
// An mma operand of two neighbouring taps is therefore one word, and most words of a warp's rows serve several
// depths. Words that a lane loads for 32 rows x 64 taps of bf16, for g = lane / 4 and q = lane % 4:
//
//   word g + q + 4 i, i = 0 ... 13       rows 0 ... 7: depth 16 s is i = 2 s, and i = 2 s + 1 for its upper half
//                                        rows 8 ... 15: the same with i + 2;   rows 16 ... 31: the same with i + 4
//
// The weights of all taps stay in registers. A lane's results of a row are eight neighbouring channels:
// columns of the product are channels in the order that makes them so (channel_of).
//
// The gradient of the weights is a product with taps as rows and output steps as depth: a[j][t] = x[2 t + j - pad].
// An operand holds two neighbouring steps of one tap, x[i] and x[i + 2]. Four arrays of such pairs (TF32: two arrays
// of single values) contain every operand: array c has the pairs that begin at 4 i + c. Rows of one product are the
// taps of one array, c, c + 4, c + 8, ..., so that again a row is the row above shifted by one word.
// gy is copied by cp.async into one of two buffers, by leads, while the other is in use.
// A warp sums over its share of the steps of a block. The block adds its warps' sums in order.
#include "kernels/cuda/conv.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr int threads = 256;
constexpr int warps = threads / 32;
constexpr int most_taps = 64;
constexpr int columns = 32;    // output channels of a block
constexpr int run_steps = 32;  // output steps that a warp works on at a time
constexpr int most_blocks =
    264;  // two per multiprocessor of an H100; sums of weights have at most as many parts

template <typename T>
constexpr bool is_bf16 = std::is_same_v<T, bf16>;
template <typename T>
constexpr int depth = is_bf16<T> ? 16 : 8;  // of one mma

SEC_DEVICE void multiply(bf16, float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  mma_m16n8k16_bf16(d, a, b, d);
}
SEC_DEVICE void multiply(float, float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  mma_m16n8k8_tf32(d, a, b, d);
}

// A number that runs over (lead, step) pairs in the order of memory: leads of a step are neighbours.
// It advances by constants, without a division.
struct LeadAndStep {
  int lead, step;
  int lead_step, step_step;  // of an advance

  SEC_DEVICE LeadAndStep(int first, int by, int leads)
      : lead(first % leads), step(first / leads), lead_step(by % leads), step_step(by / leads) {}
  SEC_DEVICE void advance(int leads) {
    lead += lead_step;
    step += step_step;
    if (lead >= leads) {
      lead -= leads;
      ++step;
    }
  }
};

// One sample of x: (L, H). Steps outside are zeros.
template <typename T>
struct Signal {
  const T* x;
  int length, leads;

  SEC_DEVICE T at(int step, int lead) const {
    return static_cast<unsigned>(step) < static_cast<unsigned>(length) ? x[std::int64_t{step} * leads + lead]
                                                                       : T(0.0F);
  }
};

// An operand word: two bf16, or one f32 that is rounded to TF32.
SEC_DEVICE unsigned word_of(bf16 low, bf16 high) {
  return static_cast<unsigned>(low.bits) | static_cast<unsigned>(high.bits) << 16;
}

// ---- forward ----

constexpr int forward_steps = 128;  // output steps of a tile

template <typename T>
constexpr int row_words = is_bf16<T> ? 1 : 2;  // words by which a row is shifted against the row above
// Words of a lead's window, with those of the taps from k on.
template <typename T>
constexpr int window_words = forward_steps* row_words<T> + most_taps* static_cast<int>(sizeof(T)) / 4;

// The channel, of a block's 32, whose results are column `n` of product `c` (0 ... 3): results of a lane are neighbours.
SEC_HOST_DEVICE constexpr int channel_of(int c, int n) {
  return n / 2 * 8 + c * 2 + n % 2;
}

// The bits of an operand word that are not zero: a word of taps j (and j + 1, in bf16) below k.
template <typename T>
SEC_DEVICE unsigned present_bits(int j, int k) {
  return is_bf16<T> ? (j < k ? 0xffffU : 0U) | (j + 1 < k ? 0xffff0000U : 0U) : j < k ? 0xffffffffU : 0U;
}

template <typename T>
__global__ void __launch_bounds__(threads) conv_stem(ConvBatch batch) {
  DYN_SHARED(unsigned, windows);  // (H, window_words)
  constexpr int steps_of_taps = most_taps / depth<T>;
  constexpr int words = window_words<T>;
  constexpr int r = row_words<T>;
  const ConvProblem& s = batch.problem[blockIdx.z];
  const int first_column = static_cast<int>(blockIdx.y) * columns;
  if (first_column >= s.out_channels) {
    return;  // the whole block returns: another problem of the batch is larger
  }
  const int thread = static_cast<int>(threadIdx.x);
  const int lane = thread % 32;
  const int warp = thread / 32;
  const int g = lane / 4;
  const int q = lane % 4;

  // ---- weights and bias stay in registers ----

  unsigned b[steps_of_taps][4][2];
#pragma unroll
  for (int c = 0; c < 4; ++c) {
    const int o = first_column + channel_of(c, g);
    const auto weight = [&](int tap) {
      return tap < s.taps && o < s.out_channels ? s.w[std::int64_t{tap} * s.out_channels + o] : 0.0F;
    };
#pragma unroll
    for (int step = 0; step < steps_of_taps; ++step) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        if constexpr (is_bf16<T>) {
          const int tap = step * 16 + half * 8 + q * 2;
          b[step][c][half] = pack_bf16(weight(tap), weight(tap + 1));
        } else {
          b[step][c][half] = to_tf32(weight(step * 8 + half * 4 + q));
        }
      }
    }
  }
  float bias[8];
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    const int o = first_column + q * 8 + i;
    bias[i] = s.bias != nullptr && o < s.out_channels ? s.bias[o] : 0.0F;
  }
  // Taps from k on have no weight, but x may be infinite or NaN there.
  unsigned present[steps_of_taps / 2][2];
#pragma unroll
  for (int step = 0; step < steps_of_taps / 2; ++step) {
    const int tap = most_taps / 2 + step * depth<T> + q * depth<T> / 8;
    present[step][0] = present_bits<T>(tap, s.taps);
    present[step][1] = present_bits<T>(tap + depth<T> / 2, s.taps);
  }

  const int tiles_in_time = (s.count + forward_steps - 1) / forward_steps;
  const int tiles = s.n * tiles_in_time;
  for (int tile = static_cast<int>(blockIdx.x); tile < tiles; tile += static_cast<int>(gridDim.x)) {
    const int sample = tile / tiles_in_time;
    const int first_step = (tile - sample * tiles_in_time) * forward_steps;
    const int steps = min(forward_steps, s.count - first_step);

    // ---- the windows of all leads ----

    const Signal<T> x{static_cast<const T*>(s.in) + std::int64_t{sample} * s.in_length * s.h, s.in_length,
                      s.h};
    const int first = first_step * s.in_step - s.pad;
    __syncthreads();  // all warps have read the windows of the tile before
    LeadAndStep at(thread, threads, s.h);
#pragma unroll 1
    for (; at.step < words; at.advance(s.h)) {
      if constexpr (is_bf16<T>) {
        windows[at.lead * words + at.step] =
            word_of(x.at(first + 2 * at.step, at.lead), x.at(first + 2 * at.step + 1, at.lead));
      } else {
        windows[at.lead * words + at.step] = to_tf32(x.at(first + at.step, at.lead));
      }
    }
    __syncthreads();  // the windows are complete

    // ---- products: a warp computes 32 steps of a lead at a time ----

    LeadAndStep run(warp, warps, s.h);  // its step counts runs of 32 steps
#pragma unroll 1
    for (; run.step * run_steps < steps; run.advance(s.h)) {
      const int step = run.step * run_steps;
      const unsigned* const from = windows + run.lead * words + (step + g) * r + q;
      unsigned word[2 * steps_of_taps + 6 * r];
#pragma unroll
      for (int i = 0; i < 2 * steps_of_taps + 6 * r; ++i) {
        word[i] = from[4 * i];
      }
      float sum[2][4][4];
#pragma unroll
      for (int c = 0; c < 4; ++c) {
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          sum[0][c][e] = bias[2 * c + e % 2];
          sum[1][c][e] = bias[2 * c + e % 2];
        }
      }
#pragma unroll
      for (int d = 0; d < steps_of_taps; ++d) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const int i = 2 * d + half * 4 * r;
          unsigned a[4] = {word[i], word[i + 2 * r], word[i + 1], word[i + 2 * r + 1]};
          if (d >= steps_of_taps / 2) {
#pragma unroll
            for (int e = 0; e < 4; ++e) {
              a[e] &= present[d % (steps_of_taps / 2)][e / 2];
            }
          }
#pragma unroll
          for (int c = 0; c < 4; ++c) {
            multiply(T{}, sum[half][c], a, b[d][c]);
          }
        }
      }
      const int o = first_column + q * 8;
      T* const y =
          static_cast<T*>(s.out) +
          ((std::int64_t{sample} * s.out_length + first_step + step + g) * s.h + run.lead) * s.out_channels +
          o;
#pragma unroll
      for (int eight = 0; eight < 4; ++eight) {
        float result[8];
#pragma unroll
        for (int i = 0; i < 8; ++i) {
          result[i] = sum[eight / 2][i / 2][eight % 2 * 2 + i % 2];
        }
        if (step + eight * 8 + g < steps && o < s.out_channels) {
          store(y + std::int64_t{eight} * 8 * s.h * s.out_channels, result);
        }
      }
    }
  }
}

// ---- the gradient of the weights ----

template <typename T>
constexpr int arrays = 8 / static_cast<int>(sizeof(T));  // of operand words: see the head of this file
template <typename T>
constexpr int word_steps = 4 / static_cast<int>(sizeof(T));  // output steps per word
template <typename T>
constexpr int gy_pitch = columns* static_cast<int>(sizeof(T)) + (is_bf16<T> ? 0 : 32);  // bytes
constexpr int most_rows = 256;  // positions of a tile, unless there are so many leads that it has 32 steps

// How the positions of a problem are cut: a tile has `steps` output steps of one sample, with all leads.
struct StemTiles {
  int steps, tiles_in_time;
  int tiles, part;  // tiles; tiles per part
  int parts;
};

// Words of one array of one lead.
template <typename T>
SEC_HOST_DEVICE constexpr int array_words(int steps) {
  return steps / word_steps<T> + most_taps / arrays<T>;
}

SEC_HOST_DEVICE inline StemTiles cut(const WgradProblem& s) {
  StemTiles t{};
  const int most = most_rows / s.h / run_steps * run_steps;
  t.steps = most < run_steps ? run_steps : most;
  t.tiles_in_time = (s.l_out + t.steps - 1) / t.steps;
  t.tiles = s.n * t.tiles_in_time;
  const int column_blocks = (s.c_out + columns - 1) / columns;
  const int most_parts = most_blocks / column_blocks > 1 ? most_blocks / column_blocks : 1;
  t.part = (t.tiles + most_parts - 1) / most_parts;
  t.parts = (t.tiles + t.part - 1) / t.part;
  return t;
}

// Bytes of one of two buffers: gy, then the operand words of x.
template <typename T>
SEC_HOST_DEVICE int buffer_bytes(const WgradProblem& s, const StemTiles& tiles) {
  return s.h * (tiles.steps * gy_pitch<T> + arrays<T> * array_words<T>(tiles.steps) * 4);
}

template <typename T>
__global__ void __launch_bounds__(threads) conv_stem_wgrad(WgradBatch batch) {
  DYN_SHARED(unsigned char, memory);  // two buffers; afterwards the sums of the block, (64 taps, 32 channels)
  constexpr int width = 16 / static_cast<int>(sizeof(T));
  constexpr int pieces = columns / width;  // 16-byte pieces per row of gy
  const WgradProblem& s = batch.problem[blockIdx.z];
  const StemTiles tiles = cut(s);
  const int first_column = static_cast<int>(blockIdx.x) * columns;
  const int begin = static_cast<int>(blockIdx.y) * tiles.part;
  const int end = min(begin + tiles.part, tiles.tiles);
  if (first_column >= s.c_out || begin >= tiles.tiles) {
    return;  // the whole block returns: another problem of the batch is larger
  }
  const int thread = static_cast<int>(threadIdx.x);
  const int lane = thread % 32;
  const int warp = thread / 32;
  const int g = lane / 4;
  const int q = lane % 4;
  const int words = array_words<T>(tiles.steps);
  const int x_words = tiles.steps * s.h * gy_pitch<T>;  // byte offset of x's words in a buffer
  const int bytes = buffer_bytes<T>(s, tiles);

  // This thread's piece of rows of gy: a row (step, lead) of the tile is row lead * steps + step of the buffer.
  const int piece = thread % pieces;
  const int channel = first_column + piece * width;
  const auto copy_gy = [&](int tile, unsigned char* buffer) {
    const int sample = tile / tiles.tiles_in_time;
    const int first_step = (tile - sample * tiles.tiles_in_time) * tiles.steps;
    const int rows = channel < s.c_out ? min(tiles.steps, s.l_out - first_step) : 0;
    const T* const gy =
        static_cast<const T*>(s.gy) + (std::int64_t{sample} * s.l_out + first_step) * s.h * s.c_out + channel;
    LeadAndStep at(thread / pieces, threads / pieces, s.h);
    const T* from = gy + std::int64_t{thread / pieces} * s.c_out;
#pragma unroll 1
    for (; at.step < tiles.steps; at.advance(s.h)) {
      const int row = at.lead * tiles.steps + at.step;
      const int to = is_bf16<T> ? swizzled_offset(row, piece) : row * gy_pitch<T> + piece * 16;
      cp_async<16>(buffer + to, at.step < rows ? from : s.gy, at.step < rows ? 16 : 0);
      from += threads / pieces * s.c_out;
    }
  };

  float sum[4][4][4] = {};  // product m: taps; product c: channels 8 c ... 8 c + 7
  copy_gy(begin, memory + begin % 2 * bytes);
  cp_async_commit();
#pragma unroll 1
  for (int tile = begin; tile < end; ++tile) {
    unsigned char* const buffer = memory + tile % 2 * bytes;
    auto* const x_to = reinterpret_cast<unsigned*>(buffer + x_words);
    const int sample = tile / tiles.tiles_in_time;
    const int first_step = (tile - sample * tiles.tiles_in_time) * tiles.steps;
    const Signal<T> x{static_cast<const T*>(s.x) + std::int64_t{sample} * s.l * s.h, s.l, s.h};
    const int first = first_step * s.stride - s.pad;
    LeadAndStep at(thread, threads, s.h);  // its step counts words of the four or two arrays, in turn
#pragma unroll 1
    for (; at.step < arrays<T> * words; at.advance(s.h)) {
      const int array = at.step % arrays<T>;
      const int step = first + at.step;  // array c, word i: the pair from arrays * i + c on
      unsigned* const to = x_to + (at.lead * arrays<T> + array) * words + at.step / arrays<T>;
      if constexpr (is_bf16<T>) {
        *to = word_of(x.at(step, at.lead), x.at(step + 2, at.lead));
      } else {
        *to = to_tf32(x.at(step, at.lead));
      }
    }
    cp_async_wait<0>();  // this thread's copies for this tile have arrived
    __syncthreads();     // the buffer is complete, and all warps have read the other one
    if (tile + 1 < end) {
      copy_gy(tile + 1, memory + (tile + 1) % 2 * bytes);
      cp_async_commit();
    }
    LeadAndStep run(warp, warps, s.h);  // its step counts runs of 32 steps
#pragma unroll 1
    for (; run.step * run_steps < tiles.steps; run.advance(s.h)) {
      const int row = run.lead * tiles.steps + run.step * run_steps;
      const unsigned* const from =
          x_to + run.lead * arrays<T> * words + run.step * run_steps / word_steps<T> + g + q;
#pragma unroll
      for (int d = 0; d < run_steps / depth<T>; ++d) {
        unsigned b[4][2];
        if constexpr (is_bf16<T>) {
#pragma unroll
          for (int c = 0; c < 4; c += 2) {
            unsigned four[4];
            const int b_row = row + d * 16 + lane / 8 % 2 * 8 + lane % 8;
            ldmatrix<4, true>(four, buffer + swizzled_offset(b_row, c + lane / 16));
            b[c][0] = four[0];
            b[c][1] = four[1];
            b[c + 1][0] = four[2];
            b[c + 1][1] = four[3];
          }
        } else {
          const auto* const low = reinterpret_cast<const float*>(buffer + (row + d * 8 + q) * gy_pitch<T>);
          const auto* const high =
              reinterpret_cast<const float*>(buffer + (row + d * 8 + q + 4) * gy_pitch<T>);
#pragma unroll
          for (int c = 0; c < 4; ++c) {
            b[c][0] = to_tf32(low[8 * c + g]);
            b[c][1] = to_tf32(high[8 * c + g]);
          }
        }
#pragma unroll
        for (int m = 0; m < 4; ++m) {
          const unsigned* const at_m = from + m % arrays<T> * words + m / arrays<T> * 16 + d * 8;
          const unsigned a[4] = {at_m[0], at_m[8], at_m[4], at_m[12]};
#pragma unroll
          for (int c = 0; c < 4; ++c) {
            multiply(T{}, sum[m][c], a, b[c]);
          }
        }
      }
    }
  }

  // ---- the warps' sums, in order ----

  auto* const total = reinterpret_cast<float*>(memory);
  for (int turn = 0; turn < warps; ++turn) {
    __syncthreads();  // the buffers are no longer read; the sums of the warp before are added
    if (warp == turn) {
#pragma unroll
      for (int m = 0; m < 4; ++m) {
#pragma unroll
        for (int c = 0; c < 4; ++c) {
#pragma unroll
          for (int e = 0; e < 4; e += 2) {
            const int tap = arrays<T> * (g + e / 2 * 8 + m / arrays<T> * 16) + m % arrays<T>;
            auto* const to = reinterpret_cast<float2*>(total + tap * columns + c * 8 + q * 2);
            const float2 old = turn == 0 ? make_float2(0.0F, 0.0F) : *to;
            *to = make_float2(old.x + sum[m][c][e], old.y + sum[m][c][e + 1]);
          }
        }
      }
    }
  }
  __syncthreads();  // all sums are added
  const bool adds = s.partial == nullptr;
  for (int i = thread; i < s.k * columns; i += threads) {
    const int o = first_column + i % columns;
    if (o < s.c_out) {
      const std::int64_t weight = std::int64_t{i / columns} * s.c_out + o;
      float* const to = adds ? s.gw + weight : s.partial + blockIdx.y * s.weights() + weight;
      *to = adds ? *to + total[i] : total[i];
    }
  }
}

// ---- launchers ----

bool is_stem(std::int64_t c_in, std::int64_t c_out, int k, int stride, DType type) {
  return type != DType::i32 && c_in == 1 && c_out % 8 == 0 && stride == 2 && k > most_taps / 2 &&
         k <= most_taps;
}

template <typename T>
std::int64_t forward_bytes(const ConvProblem& s) {
  return std::int64_t{s.h} * window_words<T> * 4;
}

template <typename T>
std::int64_t wgrad_bytes(const WgradProblem& s) {
  return max(std::int64_t{2} * buffer_bytes<T>(s, cut(s)), std::int64_t{most_taps} * columns * 4);
}

bool fits(std::int64_t shared) {
  return shared <= static_cast<std::int64_t>(max_shared);
}

}  // namespace

bool stem_supports(const ConvProblem& s, DType type) {
  return is_stem(s.in_channels, s.out_channels, s.taps, s.in_step, type) && s.out_step == 1 &&
         s.tap_step == 1 && aligned(s.out) && fits(forward_bytes<float>(s));
}

void run_stem(Stream& stream, const ConvBatch& batch) {
  const std::int64_t tiles = largest(
      batch, [](const ConvProblem& s) { return std::int64_t{s.n} * ceil_div(s.count, forward_steps); });
  const dim3 grid(blocks_for(min(tiles, std::int64_t{most_blocks}), 1),
                  blocks_for(batch.most_channels(), columns), static_cast<unsigned>(batch.problems));
  by_type(batch.type, "conv", [&](auto zero) {
    using T = decltype(zero);
    const std::int64_t shared = largest(batch, forward_bytes<T>);
    launch<conv_stem<T>>(stream, grid, dim3(threads), static_cast<std::size_t>(shared), batch);
  });
}

bool wgrad_stem_supports(const WgradProblem& s, DType type) {
  return is_stem(s.c_in, s.c_out, s.k, s.stride, type) && aligned(s.gy) && fits(wgrad_bytes<float>(s));
}

void cut_stem(WgradProblem& s, DType /*type*/) {
  s.parts = cut(s).parts;
}

void run_wgrad_stem(Stream& stream, const WgradBatch& batch) {
  const dim3 grid = wgrad_grid(batch, [](const WgradProblem& s) { return ceil_div(s.c_out, columns); });
  by_type(batch.type, "conv.wgrad", [&](auto zero) {
    using T = decltype(zero);
    const std::int64_t shared = largest(batch, wgrad_bytes<T>);
    launch<conv_stem_wgrad<T>>(stream, grid, dim3(threads), static_cast<std::size_t>(shared), batch);
  });
}

}  // namespace sec::kernels::SEC_BACKEND
