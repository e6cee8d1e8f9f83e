// Convolution, version 4: tensor cores (mma.sync) in bf16 or TF32.
// Forward and dgrad, unfused or fused with batch norm, ReLU and dropout.
//
// A block computes up to 256 rows x 32 output channels, or up to 160 rows x 64.
// Its rows are `steps` time steps of `samples` samples, with all leads.
// All taps of these rows read one window of (steps - 1) * in_step + taps input time steps.
// The window is copied to shared memory once per chunk of 64 bytes of input channels (32 bf16 or 16 f32).
// Each tap only shifts the rows that a fragment reads:
// ldmatrix takes one address per row, so im2col costs nothing. Each iteration loads one (chunk,
// tap) slice of the weights into a four-stage ring, prefetched three iterations ahead by cp.async.
// The window of the next chunk is copied along with the first weights that use it.
// There is one barrier per iteration, which is one (chunk, tap).
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
// A small kernel rounds weights to bf16 before the convolution, and copies f32 weights that are not aligned.
// f32 is rounded to TF32 in shared memory, once, by the thread that has copied it.
//
// No loop contains a division. Each thread always copies the same piece of a slice, and of every 32nd row of a window,
// so addresses advance by constants (conv_tensor_copies.h). Tables in shared memory say which row of the output a row
// of the tile is, and, if a tile has several samples, which row of x a row of the window contains.
//
// Fused forward:
// each thread activates the pieces of a window that it has copied, before the barrier that completes the window.
// Results are staged in shared memory before they are stored.
// Sums over a tile's rows are taken in shared memory, first the mean and then the squared deviations.
// Fused dgrad takes its sums there as well, while reading x.
// The order of summation depends only on the shape.
#include <limits>

#include "kernels/cuda/conv_tensor_copies.h"
#include "kernels/cuda/four.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

using namespace tensor;  // NOLINT(google-build-using-namespace): conv_tensor_results.h belongs to this file

constexpr int stages = 4;

SEC_DEVICE void store_pair(float* to, float first, float second) {
  *reinterpret_cast<float2*>(to) = make_float2(first, second);
}
SEC_DEVICE void store_pair(bf16* to, float first, float second) {
  *reinterpret_cast<unsigned*>(to) = pack_bf16(first, second);
}

// Weights in the element type, aligned to 16 bytes. Four per thread.
template <typename T>
__global__ void __launch_bounds__(256) conv_round_weights(TensorBatch problems) {
  const TensorProblem& problem = problems.problem[blockIdx.z];
  const std::int64_t index = first_element(4);
  if (index < problem.s.weights()) {  // a multiple of 16 (tensor_supports)
    float four[4];
    load_four(problem.s.w + index, is_aligned(problem.s.w), four);
    store_four(static_cast<T*>(const_cast<void*>(problem.w)) + index, four);
  }
}

// d += a * b for a 16 x 8 tile, with a depth of 32 bytes (16 bf16 or 8 TF32).
SEC_DEVICE void multiply(bf16, float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  mma_m16n8k16_bf16(d, a, b, d);
}
SEC_DEVICE void multiply(float, float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  mma_m16n8k8_tf32(d, a, b, d);
}

// Which lane addresses which 16 bytes of a window for ldmatrix, to load a fragment of 16 rows x 32 bytes.
// A row of the window has 64 bytes, two halves of a chunk with two pieces each. Lanes 0 ... 15 address the first
// piece of the half in rows 0 ... 15, lanes 16 ... 31 the second. Pieces of half 0, at tap 0:
//
//   byte     0        16       32       48
//   row 0    lane 0   lane 16  .        .          . pieces of half 1
//   row 1    lane 1   lane 17  .        .
//   row 2    lane 18  lane 2   .        .
//   row 3    lane 19  lane 3   .        .
//   row 4    .        .        lane 4   lane 20
//   row 5    .        .        lane 5   lane 21
//   row 6    .        .        lane 22  lane 6
//   row 7    .        .        lane 23  lane 7      rows 8 ... 15 as rows 0 ... 7
//
// Afterwards lane 4 g + t holds bytes 4 t ... 4 t + 3 of each piece of rows g and g + 8.
// Half 1 is 32 bytes away from half 0, up or down: its offset is that of half 0 ^ 32.
// The next tap reads H rows further. With H = 8 every lane then reads the same place of a row, 512 bytes further.
//
// The offset of a piece in the row that begins at byte `row_bytes`: swizzled_offset(row_bytes / 64, piece).
SEC_DEVICE unsigned swizzled(unsigned row_bytes, unsigned piece_bytes) {
  return row_bytes + (piece_bytes ^ (row_bytes / 8 & 48U));
}

// This lane's byte offset in a stage of weights, for columns 0 ... 15 and the first half of a chunk.
//   dgrad          lane l addresses column l % 8 + l / 16 * 8, and of its depth piece l / 8 % 2
//   forward, bf16  lane l addresses depth l % 16, and of its columns the eight from l / 16 * 8 on
//   forward, TF32  lane 4 g + t loads depth t and column g itself
template <typename T, int tile_columns, bool transposed>
SEC_DEVICE int lane_offset(int lane) {
  constexpr int row_bytes = result_pitch(tile_columns, static_cast<int>(sizeof(T)));
  if constexpr (transposed) {
    return swizzled_offset(lane / 16 * 8 + lane % 8, lane / 8 % 2);
  } else if constexpr (std::is_same_v<T, bf16>) {
    return lane % 16 * row_bytes + lane / 16 * 16;
  } else {
    return lane % 4 * row_bytes + lane / 4 * 4;
  }
}

// Loads the b fragments of columns c ... c + 15 and half a chunk of depth. `from`: a stage, and the lane's offset.
template <typename T, int tile_columns, bool transposed>
SEC_DEVICE void load_weights(const unsigned char* memory, int from, int half, int c, unsigned (&b)[4]) {
  constexpr int row_bytes = result_pitch(tile_columns, static_cast<int>(sizeof(T)));
  if constexpr (transposed) {
    ldmatrix<4>(b, memory + (from ^ half * 32) + c * chunk_bytes);
  } else if constexpr (std::is_same_v<T, bf16>) {
    ldmatrix<4, true>(b, memory + from + half * 16 * row_bytes + c * 2);
  } else {
    const unsigned char* const at = memory + from + half * 8 * row_bytes + c * 4;
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      b[e] = *reinterpret_cast<const unsigned*>(at + e % 2 * 4 * row_bytes + e / 2 * 32);
    }
  }
}

// The regions of a block's shared memory, in bytes from its beginning. All are multiples of 64.
//   the output row of each of the tile's rows, for storing results
//   dgrad: a table of batch norm's coefficients of the tile's columns
//   stages, from first_stage on, and all that follows: overwritten by results
SEC_HOST_DEVICE constexpr int first_stage_of(int tile_columns, bool transposed) {
  return rows_of(tile_columns) * 4 + (transposed ? tile_columns * 12 : 0);
}
struct Regions {
  int batch_norms;  // a table of batch norm's coefficients: forward, of the input's channels; dgrad, see above
  int windows_rows;  // the row of x of each row of a window, if there is such a table
  int windows, end;
};

SEC_HOST_DEVICE inline Regions regions_of(const TensorProblem& problem, int tile_columns, int element,
                                          bool transposed) {
  const auto whole = [](int bytes) { return (bytes + 63) / 64 * 64; };
  const int stages_end =
      first_stage_of(tile_columns, transposed) + stages * stage_bytes_of(tile_columns, element, transposed);
  Regions r{};
  r.batch_norms = transposed ? rows_of(tile_columns) * 4 : stages_end;
  r.windows_rows = stages_end + (transposed ? 0 : whole(problem.s.in_channels * 12));
  r.windows = r.windows_rows + (has_table(problem, tile_columns) ? whole(problem.window_rows * 4) : 0);
  r.end = r.windows + problem.windows * problem.window_rows * chunk_bytes;
  return r;
}

// Blocks per multiprocessor that registers must leave room for, or 0 for what nvcc chooses: 128 registers leave room for
// 4 blocks of 32 columns, 3 of 64. Activating bf16 needs about 156 and would spill.
constexpr int least_blocks(int tile_columns, int element, bool transposed, bool fused) {
  return element == 2 && !transposed ? 0 : tile_columns == 32 && (fused || transposed) ? 4 : 3;
}

template <typename T, int tile_columns, typename Pass, bool fused>
__global__ void __launch_bounds__(threads_of(tile_columns),
                                  least_blocks(tile_columns, sizeof(T), Pass::transposed, fused))
    conv_tensor(TensorBatch problems) {
  DYN_SHARED(unsigned char, memory);
  constexpr bool transposed = Pass::transposed;
  constexpr auto element = static_cast<int>(sizeof(T));
  constexpr int stage_bytes = stage_bytes_of(tile_columns, element, transposed);
  constexpr bool activated = fused && !transposed;
  constexpr int column_tiles = tile_columns / 8;
  constexpr int fragments = fragments_of(tile_columns);  // of 16 rows, per warp
  constexpr int first_stage = first_stage_of(tile_columns, transposed);
  constexpr int last_stage = first_stage + (stages - 1) * stage_bytes;
  const TensorProblem& problem = problems.problem[blockIdx.z];
  const ConvProblem& s = problem.s;
  const int first_column = static_cast<int>(blockIdx.y) * tile_columns;
  const unsigned sample_tile = problem.by_tiles.divide(blockIdx.x);
  const std::int64_t first_sample = std::int64_t{sample_tile} * problem.samples;
  const int first_step = static_cast<int>(blockIdx.x - sample_tile * problem.tiles_in_time) * problem.steps;
  if (first_sample >= s.n || first_column >= s.out_channels) {
    return;  // the whole block returns: another problem of the batch is larger
  }
  const int thread = static_cast<int>(threadIdx.x);
  const int lane = thread % 32;
  const int warp = thread / 32;
  const Regions regions = regions_of(problem, tile_columns, element, transposed);
  const int window_bytes = problem.window_rows * chunk_bytes;
  const int windows_end = regions.windows + problem.windows * window_bytes;
  const auto tap_bytes =
      static_cast<unsigned>(s.h * chunk_bytes);  // a tap reads rows h further than the one before
  const int taps = s.taps;
  const int chunks = taps > 0 ? problem.chunks : 0;

  // ---- tables: lane l of a warp finds out about rows l, l + 32, ... of the warp's rows ----

  auto* const out_rows = reinterpret_cast<int*>(memory);
  auto* const batch_norms = reinterpret_cast<float*>(memory + regions.batch_norms);
  const WindowRows<tile_columns> window_rows(problem, first_sample, first_step,
                                             reinterpret_cast<int*>(memory + regions.windows_rows));
  // For each of the 16-row fragments: the row of the window that this lane's row reads at tap 0.
  int window_row[fragments];
#pragma unroll
  for (int pair = 0; pair < fragments / 2; ++pair) {
    const int row = warp * 16 * fragments + pair * 32 + lane;
    const TileRow mine = tile_row(problem, first_sample, first_step, row);
    out_rows[row] = mine.out_row;
    window_row[2 * pair] = __shfl_sync(0xffffffffU, mine.window_row, lane % 16);
    window_row[2 * pair + 1] = __shfl_sync(0xffffffffU, mine.window_row, 16 + lane % 16);
  }
  if constexpr (activated) {
    write_batch_norm<T>(batch_norms, s.in_channels, problem.fusion.before, 0, s.in_channels);
  } else if constexpr (fused) {
    write_batch_norm<T>(batch_norms, tile_columns, problem.fusion.before, first_column, s.out_channels);
  }
  // A warp whose rows are all past the end of the tile only takes part in copies.
  const bool has_rows = warp * 16 * fragments < problem.samples * problem.steps * s.h;

  float sum[fragments][column_tiles][4] = {};
  if (!transposed && s.bias != nullptr) {
#pragma unroll
    for (int c = 0; c < column_tiles; ++c) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int o = first_column + c * 8 + lane % 4 * 2 + e % 2;
        const float bias = o < s.out_channels ? s.bias[o] : 0.0F;
#pragma unroll
        for (int fragment = 0; fragment < fragments; ++fragment) {
          sum[fragment][c][e] = bias;
        }
      }
    }
  }
  __syncthreads();  // all tables are written

  // ---- copies run three iterations ahead of the products ----

  WeightCopies<T, tile_columns, transposed> weights(problem, first_column);
  WindowPieces<T, tile_columns> input(window_rows, first_sample);
  int copied_chunks = 0;
  int copied_taps = 0;  // of the chunk that is being copied
  int copied_window = regions.windows;
  // Starts the copies that one iteration needs and earlier iterations do not.
  const auto copy_next = [&](int stage) {
    if (copied_chunks < chunks) {
      weights.copy_slice(memory + stage);
      if (copied_taps == 0) {
        input.copy(memory + copied_window, copied_chunks);
        copied_window =
            copied_window + window_bytes == windows_end ? regions.windows : copied_window + window_bytes;
      }
      if (++copied_taps == taps) {
        copied_taps = 0;
        ++copied_chunks;
        weights.move_to_chunk(copied_chunks, first_column);
      }
    }
    cp_async_commit();  // also commits empty groups, because the wait below counts groups
  };
  for (int ahead = 0; ahead < stages - 1; ++ahead) {
    copy_next(first_stage + ahead * stage_bytes);
  }

  int stage = first_stage;  // the stage that the iteration reads
  int window = regions.windows;
  unsigned row_bytes[fragments];
#pragma unroll
  for (int fragment = 0; fragment < fragments; ++fragment) {
    row_bytes[fragment] = static_cast<unsigned>(window_row[fragment] * chunk_bytes);
  }
  const int b_lane = lane_offset<T, tile_columns, transposed>(lane);
  for (int chunk = 0; chunk < chunks; ++chunk) {
    if constexpr (activated) {
      cp_async_wait<stages - 2>();  // this thread's copies have arrived
      input.activate(memory + window, chunk, first_sample, batch_norms);
    } else if constexpr (std::is_same_v<T, float>) {
      cp_async_wait<stages - 2>();
      input.round(memory + window);
    }
#pragma unroll 1
    for (int m = 0; m < taps; ++m) {
      cp_async_wait<stages - 2>();
      if constexpr (std::is_same_v<T, float>) {
        weights.round(memory + stage);
      }
      __syncthreads();  // all copies have arrived and are activated or rounded; all warps have finished the previous iteration
      copy_next(stage == first_stage ? last_stage : stage - stage_bytes);  // the stage that it has read
      if (has_rows) {
        const int b_from = stage + b_lane;
#pragma unroll
        for (int half = 0; half < 2; ++half) {  // halves of the chunk: one mma has a depth of 32 bytes
          unsigned a[fragments][4];
#pragma unroll
          for (int fragment = 0; fragment < fragments; ++fragment) {
            const unsigned at = swizzled(row_bytes[fragment], static_cast<unsigned>(lane / 16 * 16));
            ldmatrix<4>(a[fragment], memory + window + (at ^ half * 32U));
          }
#pragma unroll
          for (int c = 0; c < column_tiles; c += 2) {
            unsigned b[4];
            load_weights<T, tile_columns, transposed>(memory, b_from, half, c * 8, b);
            const unsigned b0[2] = {b[0], b[1]};
            const unsigned b1[2] = {b[2], b[3]};
#pragma unroll
            for (int fragment = 0; fragment < fragments; ++fragment) {
              multiply(T{}, sum[fragment][c], a[fragment], b0);
              multiply(T{}, sum[fragment][c + 1], a[fragment], b1);
            }
          }
        }
      }
#pragma unroll
      for (int fragment = 0; fragment < fragments; ++fragment) {
        row_bytes[fragment] += tap_bytes;
      }
      stage = stage == last_stage ? first_stage : stage + stage_bytes;
    }
#pragma unroll
    for (int fragment = 0; fragment < fragments; ++fragment) {
      row_bytes[fragment] -= static_cast<unsigned>(taps) * tap_bytes;  // back to the first tap
    }
    window = window + window_bytes == windows_end ? regions.windows : window + window_bytes;
  }

  // Results pass through shared memory, so that global memory is written 16 bytes at a time along channels.
  const ResultTile<T, tile_columns> tile(problem, memory + first_stage, out_rows, first_sample, first_step,
                                         first_column);
  cp_async_wait_all();
  __syncthreads();  // all warps have finished reading weights and windows
#pragma unroll
  for (int fragment = 0; fragment < fragments; ++fragment) {
#pragma unroll
    for (int c = 0; c < column_tiles; ++c) {
#pragma unroll
      for (int e = 0; e < 4; e += 2) {
        const int row = (warp * fragments + fragment) * 16 + lane / 4 + e / 2 * 8;
        store_pair(tile.at(row, c * 8 + lane % 4 * 2), sum[fragment][c][e], sum[fragment][c][e + 1]);
      }
    }
  }
  __syncthreads();  // all results are in shared memory
  if constexpr (!fused) {
    finish_unfused(tile);
  } else if constexpr (transposed) {
    finish_dgrad(tile, batch_norms);
  } else {
    finish_forward(tile);
  }
}

// ---- launchers ----

// Includes batch norm's coefficients even if unfused, so that fusing does not change the tiles.
std::int64_t shared_bytes(const TensorProblem& problem, int tile_columns, std::int64_t element,
                          bool transposed) {
  const auto size = static_cast<int>(element);
  const Regions regions = regions_of(problem, tile_columns, size, transposed);
  const int down = threads_of(tile_columns) / (tile_columns * size / 16);
  const int results =
      rows_of(tile_columns) * result_pitch(tile_columns, size) + tile_sum_floats(down, tile_columns) * 4;
  return max(regions.end, first_stage_of(tile_columns, transposed) + results);
}

// Cuts the rows into tiles: several whole samples if they fit, else equal parts of one sample's time.
// Halves the number of time steps until the window fits into shared memory.
TensorProblem cut(const ConvProblem& s, int tile_columns, std::int64_t element, bool transposed) {
  TensorProblem problem{};
  problem.s = s;
  problem.chunks = static_cast<int>(ceil_div(s.in_channels * element, chunk_bytes));
  problem.windows = s.taps == 0 ? 0 : min(problem.chunks, (stages - 2 + s.taps) / s.taps + 1);
  int most = max(min(s.tiles.rows, rows_of(tile_columns)) / s.h, 1);  // time steps per tile
  do {
    problem.tiles_in_time = (s.count + most - 1) / most;
    problem.steps = (s.count + problem.tiles_in_time - 1) / problem.tiles_in_time;
    problem.samples = problem.tiles_in_time == 1 ? max(most / problem.steps, 1) : 1;
    problem.window_steps = (problem.steps - 1) * s.in_step + s.taps;
    problem.window_rows = problem.samples * problem.window_steps * s.h;
    most /= 2;
  } while (most > 0 &&
           shared_bytes(problem, tile_columns, element, transposed) > static_cast<std::int64_t>(max_shared));
  problem.by_tiles = divisor_of(problem.tiles_in_time);
  problem.by_h = divisor_of(s.h);
  problem.by_steps = divisor_of(problem.steps);
  problem.x_rows = s.in_length * s.h;
  // These are numbers of 32 bits (tensor_supports).
  const std::int64_t w_row_bytes = (transposed ? s.in_channels : s.out_channels) * element;
  const std::int64_t tap_step = s.tap_step * element * s.in_channels * s.out_channels;
  const std::int64_t each = chunk_bytes / element;
  problem.w_row_bytes = static_cast<int>(w_row_bytes);
  problem.tap_step = static_cast<int>(tap_step);
  problem.chunk_step = static_cast<int>((transposed ? chunk_bytes : each * w_row_bytes) - s.taps * tap_step);
  return problem;
}

std::int64_t count_tiles(const TensorProblem& problem) {
  return ceil_div(problem.s.n, problem.samples) * problem.tiles_in_time;
}

template <typename T, int tile_columns, typename Pass, bool fused>
void launch_tensor(Stream& stream, const ConvBatch& batch) {
  constexpr bool transposed = Pass::transposed;
  constexpr std::int64_t element = sizeof(T);
  TensorBatch problems;
  std::int64_t shared = 0;
  std::int64_t tiles = 0;
  std::int64_t rounded[max_problems] = {};  // offset of each problem's rounded weights
  std::int64_t all_weights = 0;
  std::int64_t most_weights = 0;
  bool rounds =
      std::is_same_v<T, bf16>;  // f32 weights are only copied if one of the problems' is not aligned
  for (int j = 0; j < batch.problems; ++j) {
    problems.problem[j] = cut(batch.problem[j], tile_columns, element, transposed);
    TensorProblem& problem = problems.problem[j];
    if (fused) {
      problem.fusion = batch.fusion[j];
    }
    problem.w = problem.s.w;
    rounds = rounds || !aligned(problem.s.w);
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
      problems.problem[j].w = scratch.data<T>() + rounded[j];
    }
    launch<conv_round_weights<T>>(stream, dim3(blocks_for(most_weights, 4 * 256), 1, depth), dim3(256), 0,
                                  problems);
  }
  launch<conv_tensor<T, tile_columns, Pass, fused>>(
      stream, dim3(blocks_for(tiles, 1), blocks_for(batch.most_channels(), tile_columns), depth),
      dim3(threads_of(tile_columns)), static_cast<std::size_t>(shared), problems);
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
  constexpr std::int64_t most_bytes = std::numeric_limits<int>::max();  // of a sample, and of the weights
  const std::int64_t bytes =
      max(max(std::int64_t{s.in_length} * s.in_channels, std::int64_t{s.out_length} * s.out_channels) * s.h,
          s.weights()) *
      element;
  return s.in_channels * element % 16 == 0 && s.out_channels * element % 16 == 0 && s.h <= 128 &&
         bytes <= most_bytes && aligned(s.in, s.out) && fits(true) && fits(false);
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
