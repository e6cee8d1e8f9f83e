// The end of a residual block, y = relu(x * gate + shortcut):
//   residual_forward         y and, in training, its batch statistics. Each thread takes moments of what it
//                            writes. They are merged over threads and, by a second kernel, over chunks.
//                            All samples form one segment, so that short samples do not make more chunks.
//                            A thread reloads the gate's factors when its next row is in another sample
//   residual_backward        gshortcut, and the sums for ggate per sample, as in gate_channels_backward
//   residual_backward_input  gx, once the gradient of the gate's means is known
// Several blocks of the network share a launch if their LaunchKeys are equal.
// Memory traffic, in units of the size of x. Forward: 3 (reads x and shortcut, writes y).
// backward: 4 or 3 (reads x, gy and, with ReLU, y; writes gshortcut). backward_input:
// 2 (reads gshortcut, writes gx). Gates add 1 / positions each, and partial results at most 1 / 16.
#include <vector>

#include "kernels/cuda/launch_batch.h"
#include "kernels/cuda/moments.h"
#include "kernels/cuda/parts.h"
#include "kernels/cuda/segment_sums.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

template <typename T>
struct Gated {
  Columns columns;
  unsigned positions;
  float floor;
  const T* x;         // (N, positions, C)
  const T* gate;      // (N, C)
  const T* shortcut;  // (N, positions, C)
  T* y;               // (N, positions, C)
  float* means;       // (chunks, C), if `statistics`
  float* squares;     // (chunks, C), if `statistics`
};

template <typename T>
struct GatedBackward {
  Columns columns;
  std::int64_t n;
  bool relu;
  const T* x;      // (N, positions, C)
  const T* y;      // (N, positions, C)
  const T* gy;     // (N, positions, C)
  T* gshortcut;    // (N, positions, C)
  T* ggate;        // (N, C)
  float* partial;  // (N, chunks, C), if there are several chunks
};

template <typename T>
struct ScaleAndShift {
  Columns columns;
  std::int64_t n;
  float positions;
  const T* gshortcut;  // (N, positions, C)
  const T* gate;       // (N, C)
  const T* gmeans;     // (N, C)
  T* gx;               // (N, positions, C)
};

// y = max(x * gate + shortcut, floor), where floor is 0 for ReLU and minus infinity without.
// Each thread's mean is rounded to f32 before merging; its error is no larger than that of an element of y.
template <typename T, int width, bool statistics>
__global__ void __launch_bounds__(column_threads) residual_forward(LaunchBatch<Gated<T>> batch) {
  const Gated<T>& s = batch.problem[blockIdx.z];
  const Columns& columns = s.columns;
  const ColumnTask task = column_task(columns, width);
  if (task.segment > 0) {  // returns if another problem of the batch has more chunks
    return;
  }
  RunningMoments<width> seen;
  if (task.inside) {
    const T* const __restrict__ x = s.x;
    const T* const __restrict__ shortcut = s.shortcut;
    T* const __restrict__ y = s.y;
    const unsigned positions = s.positions;
    float factor[width];
    std::int64_t sample = task.begin / positions;
    auto position = static_cast<unsigned>(task.begin % positions);
    bool other_sample = true;
    std::int64_t at = task.begin * columns.c + task.column;
#pragma unroll 1  // unrolling would spill registers if width is 1
    for (int rows = task.rows(); rows > 0; --rows, at += blockDim.y * columns.c) {
      if (other_sample) {
        load(s.gate + sample * columns.c + task.column, factor);
      }
      float value[width], added[width];
      load(x + at, value);
      load(shortcut + at, added);
#pragma unroll
      for (int i = 0; i < width; ++i) {
        const float sum = value[i] * factor[i] + added[i];
        value[i] =
            as_stored(y, sum < s.floor ? s.floor : sum);  // NaN passes, because it is not less than floor
      }
      store(y + at, value);
      if constexpr (statistics) {
        seen.add(value);
      }
      position += blockDim.y;
      other_sample = position >= positions;
      if (other_sample) {
        sample += position / positions;
        position %= positions;
      }
    }
  }
  if constexpr (statistics) {
    store_moments(columns, task, seen, s.means, s.squares);
  }
}

template <typename T, int width>
__global__ void __launch_bounds__(column_threads) residual_backward(LaunchBatch<GatedBackward<T>> batch) {
  const GatedBackward<T>& s = batch.problem[blockIdx.z];
  const Columns& columns = s.columns;
  const ColumnTask task = column_task(columns, width);
  if (task.segment >= s.n) {  // another problem has more samples or chunks
    return;
  }
  float sum[width] = {};
  if (task.inside) {
    const T* const __restrict__ x = s.x;
    const T* const __restrict__ y = s.y;
    const T* const __restrict__ gy = s.gy;
    T* const __restrict__ gshortcut = s.gshortcut;
    for (std::int64_t row = task.begin; row < task.end; row += blockDim.y) {
      const std::int64_t at = row * columns.c + task.column;
      float value[width], gradient[width];
      load(x + at, value);
      load(gy + at, gradient);
      if (s.relu) {
        float out[width];
        load(y + at, out);
#pragma unroll
        for (int i = 0; i < width; ++i) {
          gradient[i] = out[i] <= 0.0F ? 0.0F : gradient[i];
        }
      }
      store(gshortcut + at, gradient);
#pragma unroll
      for (int i = 0; i < width; ++i) {
        sum[i] += gradient[i] * value[i];
      }
    }
  }
  add_down(sum);
  store_sums(columns, task, sum, 1.0F, s.ggate, s.partial);
}

template <typename T, int width>
__global__ void __launch_bounds__(column_threads)
    residual_backward_input(LaunchBatch<ScaleAndShift<T>> batch) {
  const ScaleAndShift<T>& s = batch.problem[blockIdx.z];
  const Columns& columns = s.columns;
  const ColumnTask task = column_task(columns, width);
  if (!task.inside || task.segment >= s.n) {  // another problem has more samples or chunks
    return;
  }
  const T* const __restrict__ gshortcut = s.gshortcut;
  T* const __restrict__ gx = s.gx;
  float factor[width], shift[width];
  load(s.gate + task.segment * columns.c + task.column, factor);
  load(s.gmeans + task.segment * columns.c + task.column, shift);
#pragma unroll
  for (int i = 0; i < width; ++i) {
    shift[i] /= s.positions;
  }
  for (std::int64_t row = task.begin; row < task.end; row += blockDim.y) {
    float value[width];
    load(gshortcut + row * columns.c + task.column, value);
#pragma unroll
    for (int i = 0; i < width; ++i) {
      value[i] = value[i] * factor[i] + shift[i];
    }
    store(gx + row * columns.c + task.column, value);
  }
}

// ---- launchers ----

void check(const GateShape& s) {
  require(s.n >= 0 && s.positions > 0 && s.c > 0,
          "residual: expected at least one position and one channel, got {} and {}", s.positions, s.c);
}

// Problems share a launch only if their keys are equal.
// The key decides the kernel and the shape of its blocks.
// Results are therefore bitwise equal to those of a problem that is launched alone.
struct LaunchKey {
  std::int64_t c;
  DType type;
  bool vectors;     // whether rows are read in 16-byte vectors
  bool statistics;  // forward: also takes moments of y
  bool operator==(const LaunchKey&) const = default;
};

template <typename... Spans>
LaunchKey key_of(const GateShape& s, DType type, bool statistics, const Spans&... operands) {
  bool vectors = false;
  by_type(type, "residual",
          [&](auto zero) { vectors = whole_vectors<decltype(zero)>(s.c) && aligned(operands.data...); });
  return {s.c, type, vectors, statistics};
}

// The grid for several problems with the same number of columns, with enough blocks for the largest.
struct Grid {
  dim3 blocks{0, 1, 0};
  dim3 threads;
  void add(const Columns& columns, std::int64_t segments, int width) {
    const dim3 wanted = column_grid(columns, segments, width);
    blocks = dim3(max(blocks.x, wanted.x), wanted.y, blocks.z + 1);
    threads = column_block(columns.c, width);
  }
};

template <typename T, int width, bool statistics>
void launch_forward(Stream& stream, std::span<const ResidualForward> group) {
  const char* const what = "residual.forward";
  LaunchBatch<Gated<T>> problems;
  Grid grid;
  std::vector<DeviceScratch> scratch;
  std::vector<ChunkMoments> moments;
  for (const ResidualForward& problem : group) {
    const GateShape& s = problem.shape;
    const std::int64_t rows = s.n * s.positions;
    const Columns columns = cut_rows(rows, s.c, width, what);
    float* means = nullptr;
    float* squares = nullptr;
    if constexpr (statistics) {
      scratch.emplace_back(stream, 2 * columns.chunks * s.c * 4);
      means = scratch.back().data();
      squares = means + columns.chunks * s.c;
      moments.push_back({columns, nullptr, means, squares,
                         elements<float>(problem.mean, s.c, "residual.forward: mean"),
                         elements<float>(problem.variance, s.c, "residual.forward: variance")});
    }
    problems.add({columns, static_cast<unsigned>(to_int(s.positions, what)),
                  problem.relu ? 0.0F : -std::numeric_limits<float>::infinity(),
                  elements<T>(problem.x, rows * s.c, "residual.forward: x"),
                  elements<T>(problem.gate, s.n * s.c, "residual.forward: gate"),
                  elements<T>(problem.shortcut, rows * s.c, "residual.forward: shortcut"),
                  elements<T>(problem.y, rows * s.c, "residual.forward: y"), means, squares});
    grid.add(columns, 1, width);
  }
  launch<residual_forward<T, width, statistics>>(stream, grid.blocks, grid.threads, 0, problems);
  if constexpr (statistics) {
    merge_chunks(stream, moments);
  }
}

template <typename T, int width>
void launch_backward(Stream& stream, std::span<const ResidualBackward> group) {
  LaunchBatch<GatedBackward<T>> problems;
  Grid grid;
  std::vector<DeviceScratch> scratch;
  std::vector<ChunkSums<T>> sums;
  for (const ResidualBackward& problem : group) {
    const GateShape& s = problem.shape;
    const std::int64_t count = s.n * s.positions * s.c;
    const Columns columns = cut_rows(s.positions, s.c, width, "residual.backward");
    T* const ggate = elements<T>(problem.ggate, s.n * s.c, "residual.backward: ggate");
    float* partial = nullptr;
    if (columns.chunks > 1) {
      scratch.emplace_back(stream, s.n * columns.chunks * s.c * 4);
      partial = scratch.back().data();
      sums.push_back({columns, s.n, 1.0F, partial, ggate});
    }
    problems.add({columns, s.n, problem.relu, elements<T>(problem.x, count, "residual.backward: x"),
                  elements<T>(problem.y, count, "residual.backward: y"),
                  elements<T>(problem.gy, count, "residual.backward: gy"),
                  elements<T>(problem.gshortcut, count, "residual.backward: gshortcut"), ggate, partial});
    grid.add(columns, s.n, width);
  }
  launch<residual_backward<T, width>>(stream, grid.blocks, grid.threads, 0, problems);
  if (!sums.empty()) {
    add_segment_chunks<T>(stream, sums);
  }
}

template <typename T, int width>
void launch_backward_input(Stream& stream, std::span<const ResidualBackwardInput> group) {
  LaunchBatch<ScaleAndShift<T>> problems;
  Grid grid;
  for (const ResidualBackwardInput& problem : group) {
    const GateShape& s = problem.shape;
    const std::int64_t count = s.n * s.positions * s.c;
    const Columns columns = cut_rows(s.positions, s.c, width, "residual.backward_input");
    problems.add({columns, s.n, static_cast<float>(s.positions),
                  elements<T>(problem.gshortcut, count, "residual.backward_input: gshortcut"),
                  elements<T>(problem.gate, s.n * s.c, "residual.backward_input: gate"),
                  elements<T>(problem.gmeans, s.n * s.c, "residual.backward_input: gmeans"),
                  elements<T>(problem.gx, count, "residual.backward_input: gx")});
    grid.add(columns, s.n, width);
  }
  launch<residual_backward_input<T, width>>(stream, grid.blocks, grid.threads, 0, problems);
}

// Calls run(key, T{}, width, problems) for consecutive problems with equal keys;
// `width` is a compile-time constant. Skips problems without samples.
template <typename Problem, typename KeyOf, typename Run>
void for_each_key(std::span<const Problem> group, const KeyOf& key_of_problem, const Run& run) {
  std::vector<Problem> some;
  for (const Problem& problem : group) {
    check(problem.shape);
    if (problem.shape.n > 0) {
      some.push_back(problem);
    }
  }
  for_each_launch(std::span<const Problem>(some), key_of_problem, [&](std::span<const Problem> problems) {
    const LaunchKey key = key_of_problem(problems.front());
    by_type(key.type, "residual", [&](auto zero) {
      by_width<decltype(zero)>(key.vectors, [&](auto width) { run(key, zero, width, problems); });
    });
  });
}

bool wants_statistics(const ResidualForward& problem) {
  return !problem.mean.empty() || !problem.variance.empty();
}

void forward_group(Stream& stream, std::span<const ResidualForward> group) {
  for (const ResidualForward& problem : group) {
    require(problem.shape.n > 0 || !wants_statistics(problem),
            "residual.forward: no samples to take statistics of");
  }
  const auto key_of_problem = [](const ResidualForward& problem) {
    return key_of(problem.shape, problem.y.type, wants_statistics(problem), problem.x, problem.gate,
                  problem.shortcut, problem.y);
  };
  for_each_key(group, key_of_problem, [&](const LaunchKey& key, auto zero, auto width, auto problems) {
    using T = decltype(zero);
    key.statistics ? launch_forward<T, decltype(width)::value, true>(stream, problems)
                   : launch_forward<T, decltype(width)::value, false>(stream, problems);
  });
}

void backward_group(Stream& stream, std::span<const ResidualBackward> group) {
  const auto key_of_problem = [](const ResidualBackward& problem) {
    return key_of(problem.shape, problem.gy.type, false, problem.x, problem.y, problem.gy, problem.gshortcut);
  };
  for_each_key(group, key_of_problem, [&](const LaunchKey&, auto zero, auto width, auto problems) {
    launch_backward<decltype(zero), decltype(width)::value>(stream, problems);
  });
}

void backward_input_group(Stream& stream, std::span<const ResidualBackwardInput> group) {
  const auto key_of_problem = [](const ResidualBackwardInput& problem) {
    return key_of(problem.shape, problem.gx.type, false, problem.gshortcut, problem.gate, problem.gmeans,
                  problem.gx);
  };
  for_each_key(group, key_of_problem, [&](const LaunchKey&, auto zero, auto width, auto problems) {
    launch_backward_input<decltype(zero), decltype(width)::value>(stream, problems);
  });
}

}  // namespace

ResidualKernels residual_kernels() {
  return {.forward_group = forward_group,
          .backward_group = backward_group,
          .backward_input_group = backward_input_group};
}

}  // namespace sec::kernels::SEC_BACKEND
