// Convolution, version 4: tensor cores (mma.sync) in bf16 or TF32.
// Forward and dgrad, unfused or fused with batch norm, ReLU and dropout.
//
// A block computes up to 128 rows x 32 or 64 output channels.
// Its rows are `steps` time steps of `samples` samples, with all leads.
// All taps of these rows read one window of (steps - 1) * in_step + taps input time steps.
// The window is copied to shared memory once per chunk of 64 bytes of input channels (32 bf16 or 16 f32).
// Each tap only shifts the rows that a fragment reads:
// ldmatrix takes one address per row, so im2col costs nothing. Each iteration loads one (chunk,
// tap) slice of the weights into a four-stage ring, prefetched three iterations ahead by cp.async.
// The window of the next chunk is copied along with the first weights that use it.
// There is one barrier per iteration.
//   For the trunk (k = 15, stride 2, 32 -> 32, H = 8) a window of 45 x 8 rows serves 128 x 15 row reads:
//   23 KB of x and 15 x 2 KB of weights feed 2 M multiply-adds, 0.013 bytes per flop.
// In shared memory the rows of a chunk are 64 bytes apart.
// The order of their four 16-byte pieces changes every second row (swizzled_offset).
// One phase of ldmatrix reads eight consecutive rows, which are then in eight different groups of four banks.
// The two rows that cp.async writes at a time are in different groups, too.
//
// Weights keep their layout (K, Ci, Co). In dgrad the depth is Co, the innermost axis, as ldmatrix requires.
// In forward the depth is Ci.
// There ldmatrix transposes bf16 weights, from rows of 64 channels that are 128 + 16 bytes apart.
// TF32 weights are loaded one by one, from rows 256 + 32 bytes apart:
// the 4 x 8 elements that a warp loads are then in 32 different banks.
// A small kernel rounds weights to bf16 before the convolution; TF32 is rounded in registers.
//
// Fused forward:
// each window is activated in place after it has arrived, which costs one more barrier per chunk.
// Results are staged in shared memory before they are stored.
// Sums over a tile's rows are taken in shared memory, first the mean and then the squared deviations.
// Fused dgrad takes its sums there as well, while reading x.
// The order of summation depends only on the shape.
#include "kernels/cuda/conv_tensor_results.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

using namespace tensor;  // NOLINT(google-build-using-namespace): conv_tensor_results.h belongs to this file

constexpr int stages = 4;
constexpr int chunk_bytes = 64;

// Bytes per stage of the ring of weights. Its rows are input channels in forward, output channels in dgrad.
SEC_HOST_DEVICE constexpr int stage_bytes_of(int columns, int element, bool transposed) {
  return transposed ? columns * chunk_bytes : chunk_bytes / element * result_pitch(columns, element);
}

SEC_DEVICE void store_pair(float* to, float first, float second) {
  *reinterpret_cast<float2*>(to) = make_float2(first, second);
}
SEC_DEVICE void store_pair(bf16* to, float first, float second) {
  *reinterpret_cast<unsigned*>(to) = pack_bf16(first, second);
}

__global__ void __launch_bounds__(256) conv_round_weights(TensorBatch problems) {
  const TensorProblem& problem = problems.problem[blockIdx.z];
  const std::int64_t index = first_element(1);
  if (index < problem.s.weights()) {
    static_cast<bf16*>(const_cast<void*>(problem.w))[index] = bf16(problem.s.w[index]);
  }
}

// d += a * b for a 16 x 8 tile, with a depth of 32 bytes (16 bf16 or 8 TF32).
SEC_DEVICE void multiply(bf16, float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  mma_m16n8k16_bf16(d, a, b, d);
}
SEC_DEVICE void multiply(float, float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  mma_m16n8k8_tf32(d, a, b, d);
}

template <typename T, int count>
SEC_DEVICE void round_operands(unsigned (&bits)[count]) {
  if constexpr (std::is_same_v<T, float>) {
#pragma unroll
    for (int e = 0; e < count; ++e) {
      bits[e] = to_tf32(__uint_as_float(bits[e]));
    }
  }
}

// Loads the b fragments of columns c ... c + 15 and half a chunk of depth from a stage of weights.
template <typename T, int tile_columns, bool transposed>
SEC_DEVICE void load_weights(const unsigned char* stage, int half, int c, unsigned (&b)[4]) {
  constexpr int row_bytes = result_pitch(tile_columns, static_cast<int>(sizeof(T)));
  const int lane = static_cast<int>(threadIdx.x % 32);
  if constexpr (transposed) {
    ldmatrix<4>(b, stage + swizzled_offset(c + lane / 16 * 8 + lane % 8, half * 2 + lane / 8 % 2));
  } else if constexpr (std::is_same_v<T, bf16>) {
    ldmatrix<4, true>(b,
                      stage + (half * 16 + lane / 8 % 2 * 8 + lane % 8) * row_bytes + c * 2 + lane / 16 * 16);
  } else {
    const unsigned char* const from = stage + (half * 8 + lane % 4) * row_bytes + (c + lane / 4) * 4;
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      b[e] = *reinterpret_cast<const unsigned*>(from + e % 2 * 4 * row_bytes + e / 2 * 32);
    }
  }
  round_operands<T>(b);
}

// Copies 16 bytes of weights, or zeros if not `present`. `whole`: the weights are aligned to 16 bytes.
template <typename T>
SEC_DEVICE void copy_piece(void* shared, const T* from, bool present, const T* any, bool whole) {
  if (whole) {
    cp_async<16>(shared, present ? from : any, present ? 16 : 0);
  } else {
    constexpr int each = 4 / static_cast<int>(sizeof(T));
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      cp_async<4>(static_cast<unsigned char*>(shared) + 4 * e, present ? from + e * each : any,
                  present ? 4 : 0);
    }
  }
}

template <typename T, int tile_columns, typename Pass, bool fused>
__global__ void __launch_bounds__(threads) conv_tensor(TensorBatch problems) {
  DYN_SHARED(unsigned char, memory);  // stages of weights and windows of x; after the loop, results
  constexpr bool transposed = Pass::transposed;
  constexpr int each = chunk_bytes / static_cast<int>(sizeof(T));
  constexpr int width = 16 / static_cast<int>(sizeof(T));
  constexpr int stage_bytes = stage_bytes_of(tile_columns, static_cast<int>(sizeof(T)), transposed);
  constexpr bool activated = fused && !transposed;
  constexpr int column_tiles = tile_columns / 8;
  const TensorProblem& problem = problems.problem[blockIdx.z];
  const ConvProblem& s = problem.s;
  const int first_column = static_cast<int>(blockIdx.y) * tile_columns;
  const std::int64_t first_sample = std::int64_t{blockIdx.x} / problem.tiles_in_time * problem.samples;
  const int first_step = static_cast<int>(blockIdx.x % problem.tiles_in_time) * problem.steps;
  if (first_sample >= s.n || first_column >= s.out_channels) {
    return;  // the whole block returns: another problem of the batch is larger
  }
  const int thread = static_cast<int>(threadIdx.x);
  const int lane = thread % 32;
  const int warp = thread / 32;
  unsigned char* const windows = memory + stages * stage_bytes;
  const int sample_rows = problem.window_steps * s.h;
  const int window_bytes = problem.window_rows() * chunk_bytes;
  const int last = problem.chunks * s.taps;  // iterations of the loop, one per (chunk, tap)
  const bool weights_aligned = reinterpret_cast<std::uintptr_t>(problem.w) % 16 == 0;

  // Starts the copies that iteration `step` needs and earlier iterations do not.
  const auto issue = [&](int step) {
    if (step < last) {
      const int chunk = step / s.taps;
      const int m = step % s.taps;
      const std::int64_t tap = s.first_tap + m * s.tap_step;
      const T* const weights = static_cast<const T*>(problem.w);
      unsigned char* const stage = memory + step % stages * stage_bytes;
      for (int piece = thread; piece < tile_columns * 4; piece += threads) {
        constexpr int across = transposed ? 4 : tile_columns / width;  // 16-byte pieces per row of the stage
        constexpr int row_bytes = result_pitch(tile_columns, static_cast<int>(sizeof(T)));
        const int along = piece % across * width;
        const int i = chunk * each + (transposed ? along : piece / across);
        const int o = first_column + (transposed ? piece / across : along);
        const bool present = i < s.in_channels && o < s.out_channels;
        copy_piece(stage + (transposed ? swizzled_offset(piece / across, piece % across)
                                       : piece / across * row_bytes + piece % across * 16),
                   weights + (transposed ? (tap * s.out_channels + o) * s.in_channels + i
                                         : (tap * s.in_channels + i) * s.out_channels + o),
                   present, weights, weights_aligned);
      }
      if (m == 0) {
        unsigned char* const window = windows + chunk % problem.windows * window_bytes;
        const int row_elements = s.in_channels;
        // A sample's window is contiguous in x: time steps, and leads within each.
        const int first_row = (first_step * s.in_step - s.pad) * s.h;
        for (int piece = thread; piece < problem.window_rows() * 4; piece += threads) {
          const int row = piece / 4;
          const std::int64_t sample = first_sample + row / sample_rows;
          const int from = first_row + row % sample_rows;
          const int i = chunk * each + piece % 4 * width;
          const bool present = sample < s.n && from >= 0 && from < s.in_length * s.h && i < s.in_channels;
          const T* const x = static_cast<const T*>(s.in);
          cp_async<16>(window + swizzled_offset(row, piece % 4),
                       present ? x + (sample * s.in_length * s.h + from) * row_elements + i : x,
                       present ? 16 : 0);
        }
      }
    }
    cp_async_commit();  // also commits empty groups, because the wait below counts groups
  };

  // For each of the two 16-row fragments: the row of the window that this lane's row reads at tap 0.
  int window_row[2];
#pragma unroll
  for (int tile = 0; tile < 2; ++tile) {
    const int row = warp * 32 + tile * 16 + lane % 16;
    const int h = row % s.h;
    const int u = row / s.h % problem.steps;
    const int sample = row / s.h / problem.steps;
    // Rows past the end of the tile read row 0; their results are never stored.
    window_row[tile] = sample < problem.samples ? sample * sample_rows + u * s.in_step * s.h + h : 0;
  }
  // A warp whose rows are all past the end of the tile only takes part in copies.
  const bool has_rows = warp * 32 < problem.samples * problem.steps * s.h;

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
  BatchNormCoefficients<8>* const batch_norms =
      reinterpret_cast<BatchNormCoefficients<8>*>(windows + problem.windows * window_bytes);
  if constexpr (activated) {
    for (int group = thread; group < s.in_channels / 8; group += threads) {
      batch_norms[group] = load_batch_norm<8>(problem.fusion.before, 8 * group);
    }
  }
  for (int step = 0; step < last; ++step) {
    cp_async_wait<stages - 2>();
    __syncthreads();  // all copies have arrived, and all warps have finished the previous iteration
    issue(step + stages - 1);
    unsigned char* const window = windows + step / s.taps % problem.windows * window_bytes;
    if (activated && step % s.taps == 0) {  // the first iteration that reads this window
      constexpr int groups = each / 8;
      const int group = step / s.taps * groups + thread % groups;
      const bool present = 8 * group < s.in_channels;
      const int first_row = (first_step * s.in_step - s.pad) * s.h;
      activate_window<T, std::is_same_v<T, float>>(
          [&](int row, int piece) { return window + swizzled_offset(row, piece); }, problem.window_rows(),
          groups, problem.fusion.before, present ? batch_norms[group] : BatchNormCoefficients<8>{},
          [&](int row) {
            const std::int64_t sample = first_sample + row / sample_rows;
            const int from = first_row + row % sample_rows;
            const bool inside = present && sample < s.n && from >= 0 && from < s.in_length * s.h;
            return inside ? (sample * s.in_length * s.h + from) * s.in_channels + 8 * group : -1;
          });
      __syncthreads();  // the whole window is activated
    }
    if (!has_rows) {
      continue;
    }
    const unsigned char* const stage = memory + step % stages * stage_bytes;
    const int shift = step % s.taps * s.h;  // the tap shifts all rows of the window
#pragma unroll
    for (int half = 0; half < 2; ++half) {  // halves of the chunk: one mma has a depth of 32 bytes
      unsigned a[2][4];
#pragma unroll
      for (int tile = 0; tile < 2; ++tile) {
        ldmatrix<4>(a[tile], window + swizzled_offset(window_row[tile] + shift, half * 2 + lane / 16));
        if constexpr (!activated) {  // otherwise activate_window has rounded it
          round_operands<T>(a[tile]);
        }
      }
#pragma unroll
      for (int c = 0; c < column_tiles; c += 2) {
        unsigned b[4];
        load_weights<T, tile_columns, transposed>(stage, half, c * 8, b);
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

  // Results pass through shared memory, so that global memory is written 16 bytes at a time along channels.
  const ResultTile<T, tile_columns> tile{problem, memory, first_sample, first_step, first_column};
  cp_async_wait_all();
  __syncthreads();  // all warps have finished reading weights and windows
#pragma unroll
  for (int half = 0; half < 2; ++half) {
#pragma unroll
    for (int c = 0; c < column_tiles; ++c) {
#pragma unroll
      for (int e = 0; e < 4; e += 2) {
        const int row = warp * 32 + half * 16 + lane / 4 + e / 2 * 8;
        store_pair(tile.at(row, c * 8 + lane % 4 * 2), sum[half][c][e], sum[half][c][e + 1]);
      }
    }
  }
  __syncthreads();  // all results are in shared memory
  if constexpr (!fused) {
    finish_unfused(tile);
  } else if constexpr (transposed) {
    finish_dgrad(tile);
  } else {
    finish_forward(tile);
  }
}

// ---- launchers ----

// Includes batch norm's coefficients even if unfused, so that fusing does not change the tiles.
std::int64_t shared_bytes(const TensorProblem& problem, int tile_columns, std::int64_t element,
                          bool transposed) {
  const auto size = static_cast<int>(element);
  const std::int64_t loop = std::int64_t{stages} * stage_bytes_of(tile_columns, size, transposed) +
                            std::int64_t{problem.windows} * problem.window_rows() * chunk_bytes +
                            (transposed ? 0
                                        : ceil_div(problem.s.in_channels, 8) *
                                              static_cast<std::int64_t>(sizeof(BatchNormCoefficients<8>)));
  const int down = threads / (tile_columns * size / 16);
  const std::int64_t results = std::int64_t{tile_rows} * result_pitch(tile_columns, size) +
                               std::int64_t{tile_sum_floats(down, tile_columns)} * 4;
  return max(loop, results);
}

// Cuts the rows into tiles: several whole samples if they fit, else equal parts of one sample's time.
// Halves the number of time steps until the window fits into shared memory.
TensorProblem cut(const ConvProblem& s, int tile_columns, std::int64_t element, bool transposed) {
  TensorProblem problem{};
  problem.s = s;
  problem.chunks = static_cast<int>(ceil_div(s.in_channels * element, chunk_bytes));
  problem.windows = s.taps == 0 ? 0 : min(problem.chunks, (stages - 2 + s.taps) / s.taps + 1);
  int most = max(s.tiles.rows / s.h, 1);  // time steps per tile
  do {
    problem.tiles_in_time = (s.count + most - 1) / most;
    problem.steps = (s.count + problem.tiles_in_time - 1) / problem.tiles_in_time;
    problem.samples = problem.tiles_in_time == 1 ? max(most / problem.steps, 1) : 1;
    problem.window_steps = (problem.steps - 1) * s.in_step + s.taps;
    most /= 2;
  } while (most > 0 &&
           shared_bytes(problem, tile_columns, element, transposed) > static_cast<std::int64_t>(max_shared));
  return problem;
}

std::int64_t count_tiles(const TensorProblem& problem) {
  return ceil_div(problem.s.n, problem.samples) * problem.tiles_in_time;
}

template <typename T, int tile_columns, typename Pass, bool fused>
void launch_tensor(Stream& stream, const ConvBatch& batch) {
  constexpr bool transposed = Pass::transposed;
  constexpr std::int64_t element = sizeof(T);
  constexpr bool rounds = std::is_same_v<T, bf16>;
  TensorBatch problems;
  std::int64_t shared = 0;
  std::int64_t tiles = 0;
  std::int64_t rounded[max_problems] = {};  // offset of each problem's rounded weights
  std::int64_t all_weights = 0;
  std::int64_t most_weights = 0;
  for (int j = 0; j < batch.problems; ++j) {
    problems.problem[j] = cut(batch.problem[j], tile_columns, element, transposed);
    TensorProblem& problem = problems.problem[j];
    if (fused) {
      problem.fusion = batch.fusion[j];
    }
    problem.w = problem.s.w;
    rounded[j] = all_weights;
    all_weights += ceil_div(problem.s.weights(), 8) * 8;
    most_weights = max(most_weights, problem.s.weights());
    shared = max(shared, shared_bytes(problem, tile_columns, element, transposed));
    tiles = max(tiles, count_tiles(problem));
  }
  const auto depth = static_cast<unsigned>(batch.problems);
  const DeviceScratch scratch(stream, rounds ? all_weights * element : 0);
  if (rounds) {
    for (int j = 0; j < batch.problems; ++j) {
      problems.problem[j].w = scratch.data<bf16>() + rounded[j];
    }
    launch<conv_round_weights>(stream, dim3(blocks_for(most_weights, 256), 1, depth), dim3(256), 0, problems);
  }
  launch<conv_tensor<T, tile_columns, Pass, fused>>(
      stream, dim3(blocks_for(tiles, 1), blocks_for(batch.most_channels(), tile_columns), depth),
      dim3(threads), static_cast<std::size_t>(shared), problems);
}

template <typename T, typename Pass>
void launch_tensor(Stream& stream, const ConvBatch& batch) {
  if (batch.most_columns() == 32) {
    batch.fused ? launch_tensor<T, 32, Pass, true>(stream, batch)
                : launch_tensor<T, 32, Pass, false>(stream, batch);
  } else {
    batch.fused ? launch_tensor<T, 64, Pass, true>(stream, batch)
                : launch_tensor<T, 64, Pass, false>(stream, batch);
  }
}

}  // namespace

bool tensor_supports(const ConvProblem& s, DType type) {
  if (type == DType::i32) {
    return false;
  }
  const auto element = static_cast<std::int64_t>(size_of(type));
  constexpr int tile_columns = 64;  // the wider tiles, because another problem of the batch may need them
  const auto fits = [&](bool transposed) {
    return shared_bytes(cut(s, tile_columns, element, transposed), tile_columns, element, transposed) <=
           static_cast<std::int64_t>(max_shared);
  };
  return s.in_channels * element % 16 == 0 && s.out_channels * element % 16 == 0 && s.h <= tile_rows &&
         aligned(s.in, s.out) && fits(true) && fits(false);
}

Tiles tensor_tiles(const ConvProblem& s, DType type, bool transposed) {
  const TensorProblem problem = cut(s, s.tiles.columns, static_cast<std::int64_t>(size_of(type)), transposed);
  return {count_tiles(problem), problem.tiles_in_time};
}

void run_tensor(Stream& stream, const ConvBatch& batch) {
  by_type_and_pass(
      batch, [&](auto zero, auto pass) { launch_tensor<decltype(zero), decltype(pass)>(stream, batch); });
}

}  // namespace sec::kernels::SEC_BACKEND
