// Convolution, version 4: tensor cores (mma.sync), bf16 or TF32, for forward and dgrad.
//
// A block computes up to 128 rows x 32 or 64 output channels. Its rows are `steps` time steps of `samples`
// samples with all leads, and all their taps read one window of the input: (steps - 1) * in_step + taps time
// steps. The window is brought into shared memory once for each chunk of 64 bytes of input channels (32 bf16,
// 16 f32), and each tap only moves the rows that a fragment reads: ldmatrix takes an address a row, so the
// im2col of a convolution costs nothing. Weights stream past, one (chunk, tap) a step, in a ring of four
// stages filled by cp.async three steps ahead; the window of the next chunk comes with the first weights that
// use it. One barrier a step.
//   For the trunk (k = 15, stride 2, 32 -> 32, H = 8) a window of 45 x 8 rows serves 128 x 15 row reads: 23
//   KB of x and 15 x 2 KB of weights for 2 M multiply-adds, 0.013 bytes a flop.
// Rows in shared memory are 64 + 16 bytes apart: eight rows that follow one another, which one phase of
// ldmatrix reads, fall into eight different groups of four banks (80 r mod 128 = 0, 80, 32, 112, 64, 16, 96,
// 48).
//
// Before it, a small kernel packs the weights: in the order of the steps, input channels innermost, in the
// element type (rounded to TF32 for f32), padded with zeros to whole chunks and tiles.
#include "kernels/cuda/conv.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr int tile_rows = 128;
constexpr int threads = 128;  // four warps, 32 rows each
constexpr int stages = 4;
constexpr int chunk_bytes = 64;
constexpr int pitch = chunk_bytes + 16;

// A correlation and how its rows are cut into tiles.
struct TensorJob {
  Correlation s;
  const unsigned char* packed;  // (taps, chunks, padded_channels, 64 bytes)
  int samples, steps;           // of a tile
  int window_steps;             // time steps of the input that one sample's part of a tile reads
  int windows;                  // chunks of the window that are in shared memory at a time
  int chunks;                   // of 64 bytes of input channels
  int padded_channels;          // output channels, in whole tiles
  int tiles_in_time;            // tiles for the time steps of a sample

  SEC_HOST_DEVICE int window_rows() const { return samples * window_steps * s.h; }
};

struct TensorJobs {
  TensorJob job[max_jobs];
};

// Bytes from one row of results to the next in shared memory. Eight rows are stored together: those of bf16,
// 4 bytes a lane, by a warp, 16 bytes further on around the banks each; those of f32, 8 bytes a lane, by two
// halves of it, four rows 32 bytes further on each.
SEC_HOST_DEVICE constexpr int result_pitch(int columns, int element) {
  return columns * element + (element == 2 ? 16 : 32);
}

SEC_DEVICE void store_pair(float* to, float first, float second) {
  *reinterpret_cast<float2*>(to) = make_float2(first, second);
}
SEC_DEVICE void store_pair(bf16* to, float first, float second) {
  *reinterpret_cast<unsigned*>(to) = pack_bf16(first, second);
}

template <typename T>
SEC_DEVICE T to_operand(float value) {
  if constexpr (std::is_same_v<T, bf16>) {
    return bf16(value);
  } else {
    return __uint_as_float(to_tf32(value));
  }
}

template <typename T, bool transposed>
__global__ void __launch_bounds__(256) pack_weights(TensorJobs jobs) {
  constexpr int each = chunk_bytes / static_cast<int>(sizeof(T));
  const TensorJob& job = jobs.job[blockIdx.z];
  const Correlation& s = job.s;
  const std::int64_t index = first_element(1);
  const int e = static_cast<int>(index % each);
  const int o = static_cast<int>(index / each % job.padded_channels);
  const int chunk = static_cast<int>(index / each / job.padded_channels % job.chunks);
  const std::int64_t m = index / each / job.padded_channels / job.chunks;
  if (m < s.taps) {
    const int i = chunk * each + e;
    const bool present = i < s.in_channels && o < s.out_channels;
    const float weight = present ? weight_at(s, transposed, static_cast<int>(m), i, o) : 0.0F;
    reinterpret_cast<T*>(const_cast<unsigned char*>(job.packed))[index] = to_operand<T>(weight);
  }
}

// d += a b for a tile of 16 x 8 and 32 bytes of depth.
SEC_DEVICE void multiply(bf16, float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  mma_m16n8k16_bf16(d, a, b, d);
}
SEC_DEVICE void multiply(float, float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  mma_m16n8k8_tf32(d, a, b, d);
}

template <typename T, int tile_columns>
__global__ void __launch_bounds__(threads) correlate(TensorJobs jobs) {
  DYN_SHARED(unsigned char, memory);  // stages of weights, windows of x; at the end, results
  constexpr int each = chunk_bytes / static_cast<int>(sizeof(T));
  constexpr int stage_bytes = tile_columns * pitch;
  constexpr int column_tiles = tile_columns / 8;
  const TensorJob& job = jobs.job[blockIdx.z];
  const Correlation& s = job.s;
  const int first_column = static_cast<int>(blockIdx.y) * tile_columns;
  const std::int64_t first_sample = std::int64_t{blockIdx.x} / job.tiles_in_time * job.samples;
  const int first_step = static_cast<int>(blockIdx.x % job.tiles_in_time) * job.steps;
  if (first_sample >= s.n || first_column >= s.out_channels) {
    return;  // the whole block: other jobs of the group are larger
  }
  const int thread = static_cast<int>(threadIdx.x);
  const int lane = thread % 32;
  const int warp = thread / 32;
  unsigned char* const windows = memory + stages * stage_bytes;
  const int sample_rows = job.window_steps * s.h;
  const int window_bytes = job.window_rows() * pitch;
  const int last = job.chunks * s.taps;  // steps of the loop: (chunk, tap)

  // Starts the copies that `step` is the first to need.
  const auto issue = [&](int step) {
    if (step < last) {
      const int chunk = step / s.taps;
      const int m = step % s.taps;
      const unsigned char* const weights =
          job.packed +
          ((static_cast<std::int64_t>(m) * job.chunks + chunk) * job.padded_channels + first_column) *
              chunk_bytes;
      unsigned char* const stage = memory + step % stages * stage_bytes;
      for (int piece = thread; piece < tile_columns * 4; piece += threads) {
        cp_async<16>(stage + piece / 4 * pitch + piece % 4 * 16, weights + piece * 16);
      }
      if (m == 0) {
        unsigned char* const window = windows + chunk % job.windows * window_bytes;
        const int row_elements = s.in_channels;
        // Rows of a sample's window follow one another in x as well: leads within time steps.
        const int first_row = (first_step * s.in_step - s.pad) * s.h;
        for (int piece = thread; piece < job.window_rows() * 4; piece += threads) {
          const int row = piece / 4;
          const std::int64_t sample = first_sample + row / sample_rows;
          const int from = first_row + row % sample_rows;
          const int i = chunk * each + piece % 4 * (16 / static_cast<int>(sizeof(T)));
          const bool present = sample < s.n && from >= 0 && from < s.in_length * s.h && i < s.in_channels;
          const T* const x = static_cast<const T*>(s.in);
          cp_async<16>(window + row * pitch + piece % 4 * 16,
                       present ? x + (sample * s.in_length * s.h + from) * row_elements + i : x,
                       present ? 16 : 0);
        }
      }
    }
    cp_async_commit();  // an empty group, too: the wait below counts groups
  };

  // The window rows of this lane's rows in the two fragments of 16 rows, at tap 0.
  int window_row[2];
#pragma unroll
  for (int tile = 0; tile < 2; ++tile) {
    const int row = warp * 32 + tile * 16 + lane % 16;
    const int h = row % s.h;
    const int u = row / s.h % job.steps;
    const int sample = row / s.h / job.steps;
    // Rows beyond the tile read any row, and are never stored.
    window_row[tile] = sample < job.samples ? sample * sample_rows + u * s.in_step * s.h + h : 0;
  }
  const int a_offset = lane / 16 * 16;  // bytes: the half of the depth
  const int b_offset = (lane / 16 * 8 + lane % 8) * pitch + lane / 8 % 2 * 16;  // column and half

  float sum[2][column_tiles][4];
#pragma unroll
  for (int c = 0; c < column_tiles; ++c) {
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      const int o = first_column + c * 8 + lane % 4 * 2 + e % 2;
      const float bias = s.bias != nullptr && o < s.out_channels ? s.bias[o] : 0.0F;
      sum[0][c][e] = bias;
      sum[1][c][e] = bias;
    }
  }

  for (int step = 0; step < stages - 1; ++step) {
    issue(step);
  }
  for (int step = 0; step < last; ++step) {
    cp_async_wait<stages - 2>();
    __syncthreads();  // everyone's copies for this step are there, and everyone is done with the step before
    issue(step + stages - 1);
    const unsigned char* const window = windows + step / s.taps % job.windows * window_bytes;
    const unsigned char* const stage = memory + step % stages * stage_bytes;
    const int shift = step % s.taps * s.h;  // the tap moves all rows on
#pragma unroll
    for (int half = 0; half < 2; ++half) {  // of the chunk: 32 bytes are the depth of one mma
      unsigned a[2][4];
#pragma unroll
      for (int tile = 0; tile < 2; ++tile) {
        ldmatrix<4>(a[tile], window + (window_row[tile] + shift) * pitch + half * 32 + a_offset);
        if constexpr (std::is_same_v<T, float>) {
#pragma unroll
          for (int e = 0; e < 4; ++e) {
            a[tile][e] = to_tf32(__uint_as_float(a[tile][e]));
          }
        }
      }
#pragma unroll
      for (int c = 0; c < column_tiles; c += 2) {
        unsigned b[4];
        ldmatrix<4>(b, stage + c * 8 * pitch + half * 32 + b_offset);
        const unsigned b0[2] = {b[0], b[1]};
        const unsigned b1[2] = {b[2], b[3]};
#pragma unroll
        for (int tile = 0; tile < 2; ++tile) {
          multiply(T{}, sum[tile][c], a[tile], b0);
          multiply(T{}, sum[tile][c + 1], a[tile], b1);
        }
      }
    }
  }

  // Results go through shared memory, so that global memory is written 16 bytes at a time along channels.
  constexpr int row_bytes = result_pitch(tile_columns, static_cast<int>(sizeof(T)));
  cp_async_wait_all();
  __syncthreads();  // nobody reads weights or windows any more
#pragma unroll
  for (int tile = 0; tile < 2; ++tile) {
#pragma unroll
    for (int c = 0; c < column_tiles; ++c) {
#pragma unroll
      for (int e = 0; e < 4; e += 2) {
        const int row = warp * 32 + tile * 16 + lane / 4 + e / 2 * 8;
        T* const to = reinterpret_cast<T*>(memory + row * row_bytes) + c * 8 + lane % 4 * 2;
        store_pair(to, sum[tile][c][e], sum[tile][c][e + 1]);
      }
    }
  }
  __syncthreads();  // results are whole
  constexpr int width = 16 / static_cast<int>(sizeof(T));
  constexpr int pieces = tile_columns / width;  // of a row
  for (int piece = thread; piece < tile_rows * pieces; piece += threads) {
    const int row = piece / pieces;
    const int h = row % s.h;
    const int u = first_step + row / s.h % job.steps;
    const int in_tile = row / s.h / job.steps;
    const int o = first_column + piece % pieces * width;
    if (in_tile < job.samples && first_sample + in_tile < s.n && u < s.count && o < s.out_channels) {
      const std::int64_t time = (first_sample + in_tile) * s.out_length + u * s.out_step + s.out_first;
      T* const to = static_cast<T*>(s.out) + (time * s.h + h) * s.out_channels + o;
      *reinterpret_cast<uint4*>(to) =
          *reinterpret_cast<const uint4*>(memory + row * row_bytes + piece % pieces * 16);
    }
  }
}

// ---- launchers ----

std::int64_t shared_bytes(const TensorJob& job, int tile_columns, std::int64_t element) {
  const std::int64_t loop =
      std::int64_t{stages} * tile_columns * pitch + std::int64_t{job.windows} * job.window_rows() * pitch;
  return max(loop, std::int64_t{tile_rows} * result_pitch(tile_columns, static_cast<int>(element)));
}

// Cuts the rows into tiles: whole samples where several fit, else equal parts of a sample's time, as long as
// their window fits into shared memory.
TensorJob cut(const Correlation& s, int tile_columns, std::int64_t element) {
  TensorJob job{};
  job.s = s;
  job.chunks = static_cast<int>(ceil_div(s.in_channels * element, chunk_bytes));
  job.padded_channels = static_cast<int>(ceil_div(s.out_channels, tile_columns)) * tile_columns;
  job.windows = s.taps == 0 ? 0 : min(job.chunks, (stages - 2 + s.taps) / s.taps + 1);
  int most = max(tile_rows / s.h, 1);  // time steps
  do {
    job.tiles_in_time = (s.count + most - 1) / most;
    job.steps = (s.count + job.tiles_in_time - 1) / job.tiles_in_time;
    job.samples = job.tiles_in_time == 1 ? max(most / job.steps, 1) : 1;
    job.window_steps = (job.steps - 1) * s.in_step + s.taps;
    most /= 2;
  } while (most > 0 && shared_bytes(job, tile_columns, element) > static_cast<std::int64_t>(max_shared));
  return job;
}

template <typename T, int tile_columns>
void launch_tensor(Stream& stream, const Correlations& group) {
  constexpr std::int64_t element = sizeof(T);
  TensorJobs jobs;
  std::int64_t packed_bytes = 0;
  std::int64_t shared = 0;
  std::int64_t tiles = 0;
  std::int64_t packed[max_jobs] = {};
  std::int64_t most_weights = 0;
  for (int j = 0; j < group.jobs; ++j) {
    jobs.job[j] = cut(group.job[j], tile_columns, element);
    const TensorJob& job = jobs.job[j];
    const std::int64_t bytes = std::int64_t{job.s.taps} * job.chunks * job.padded_channels * chunk_bytes;
    packed[j] = packed_bytes;
    packed_bytes += bytes;
    most_weights = max(most_weights, bytes / element);
    shared = max(shared, shared_bytes(job, tile_columns, element));
    tiles = max(tiles, ceil_div(job.s.n, job.samples) * job.tiles_in_time);
  }
  const Scratch scratch(stream, packed_bytes);
  for (int j = 0; j < group.jobs; ++j) {
    jobs.job[j].packed = scratch.data<unsigned char>() + packed[j];
  }
  const auto depth = static_cast<unsigned>(group.jobs);
  if (most_weights > 0) {
    const dim3 grid(blocks_for(most_weights, 256), 1, depth);
    if (group.transposed) {
      launch<pack_weights<T, true>>(stream, grid, dim3(256), 0, jobs);
    } else {
      launch<pack_weights<T, false>>(stream, grid, dim3(256), 0, jobs);
    }
  }
  launch<correlate<T, tile_columns>>(
      stream, dim3(blocks_for(tiles, 1), blocks_for(group.most_channels(), tile_columns), depth),
      dim3(threads), static_cast<std::size_t>(shared), jobs);
}

}  // namespace

bool tensor_supports(const Correlation& s, DType type) {
  if (type == DType::i32) {
    return false;
  }
  const auto element = static_cast<std::int64_t>(size_of(type));
  constexpr int tile_columns = 64;  // the wider: a group may need it
  return s.in_channels * element % 16 == 0 && s.out_channels * element % 16 == 0 && s.h <= tile_rows &&
         aligned(s.in, s.out) &&
         shared_bytes(cut(s, tile_columns, element), tile_columns, element) <=
             static_cast<std::int64_t>(max_shared);
}

void correlate_tensor(Stream& stream, const Correlations& group) {
  by_type(group.type, "conv", [&](auto zero) {
    using T = decltype(zero);
    if (group.most_channels() <= 32) {
      launch_tensor<T, 32>(stream, group);
    } else {
      launch_tensor<T, 64>(stream, group);
    }
  });
}

}  // namespace sec::kernels::SEC_BACKEND
