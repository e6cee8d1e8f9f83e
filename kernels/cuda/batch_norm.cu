// Batch norm over the rows of a matrix (rows, C).
//   statistics      two kernels. Each thread runs Welford's update over its rows. Then threads, and chunks of
//                   rows, are merged pairwise (Chan, Golub & LeVeque 1983).
//                   This stays accurate when the mean is much larger than the deviation
//   update_running  one thread per channel; several layers share a launch
//   apply           each thread keeps the scale and shift of its columns in registers and iterates over rows
//   backward        two kernels compute the sums of gy and gy * (x - mean), a third computes gx
//   ..._relu        the same followed by ReLU, whose decision backward recomputes from x.
//                   apply_relu also takes the moments of its output, for the next batch norm
// Memory traffic: statistics reads x. apply reads x, writes y. backward reads x and gy twice, writes gx.
#include "kernels/cuda/activation.h"
#include "kernels/cuda/batch_norm_gradient.h"
#include "kernels/cuda/launch_batch.h"
#include "kernels/cuda/moments.h"
#include "kernels/cuda/parts.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

// ---- statistics ----

// The median of a column's first, middle and last elements: close to the column's values, not an outlier.
template <typename T, int width>
SEC_DEVICE void find_pivot(const Columns& columns, const T* x, int column, float (&pivot)[width]) {
  float first[width], last[width];
  load(x + column, first);
  load(x + columns.rows / 2 * columns.c + column, pivot);
  load(x + (columns.rows - 1) * columns.c + column, last);
#pragma unroll
  for (int i = 0; i < width; ++i) {
    pivot[i] = max(min(first[i], last[i]), min(max(first[i], last[i]), pivot[i]));
  }
}

template <typename T, int width>
__global__ void __launch_bounds__(column_threads)
    batch_norm_chunk_moments(Columns columns,
                             const T* __restrict__ x,        // (rows, C)
                             float* __restrict__ pivots,     // (C)
                             float* __restrict__ means,      // (chunks, C): means of x - pivot
                             float* __restrict__ squares) {  // (chunks, C)
  const ColumnTask task = column_task(columns, width);
  Moments moments[width] = {};
  if (task.inside) {
    float pivot[width];
    find_pivot(columns, x, task.column, pivot);
    float count = 0.0F;
    const T* from = x + task.begin * columns.c + task.column;
    for (int rows = task.rows(); rows > 0; --rows, from += blockDim.y * columns.c) {
      float value[width];
      load(from, value);
      count += 1.0F;
      const float share = __frcp_rn(count);
#pragma unroll
      for (int i = 0; i < width; ++i) {
        const float shifted = value[i] - pivot[i];
        const float delta = shifted - moments[i].mean;
        moments[i].mean += delta * share;
        moments[i].squares += delta * (shifted - moments[i].mean);
      }
    }
#pragma unroll
    for (int i = 0; i < width; ++i) {
      moments[i].count = count;
      if (task.chunk == 0 && threadIdx.y == 0) {
        pivots[task.column + i] = pivot[i];
      }
    }
  }
  merge_down(moments);
  if (task.inside && threadIdx.y == 0) {
#pragma unroll
    for (int i = 0; i < width; ++i) {
      means[task.chunk * columns.c + task.column + i] = moments[i].mean;
      squares[task.chunk * columns.c + task.column + i] = moments[i].squares;
    }
  }
}

__global__ void __launch_bounds__(column_threads) batch_norm_merge_moments(LaunchBatch<ChunkMoments> batch) {
  const ChunkMoments& s = batch.problem[blockIdx.z];
  const Columns& columns = s.columns;
  const ColumnTask task = column_task(rows_of_chunks(columns), 1);
  Moments moments[1] = {};
  if (task.inside) {
    for (std::int64_t chunk = task.begin; chunk < task.end; chunk += blockDim.y) {
      const std::int64_t rows = min(columns.chunk_rows, columns.rows - chunk * columns.chunk_rows);
      const std::int64_t at = chunk * columns.c + task.column;
      moments[0] = merge(moments[0], {static_cast<float>(rows), s.means[at], s.squares[at]});
    }
  }
  merge_down(moments);
  if (task.inside && threadIdx.y == 0) {
    s.mean[task.column] = (s.pivots != nullptr ? s.pivots[task.column] : 0.0F) + moments[0].mean;
    s.variance[task.column] = moments[0].squares / moments[0].count;
  }
}

struct Blend {
  int c;
  float momentum, unbiased;
  const float* mean;        // (C)
  const float* variance;    // (C)
  float* running_mean;      // (C)
  float* running_variance;  // (C)
};

__global__ void __launch_bounds__(column_threads) batch_norm_update_running(LaunchBatch<Blend> batch) {
  const Blend& s = batch.problem[blockIdx.z];
  const std::int64_t i = first_element(1);
  if (i < s.c) {
    s.running_mean[i] = (1.0F - s.momentum) * s.running_mean[i] + s.momentum * s.mean[i];
    s.running_variance[i] =
        (1.0F - s.momentum) * s.running_variance[i] + s.momentum * (s.variance[i] * s.unbiased);
  }
}

// ---- apply ----

template <typename T, int width>
__global__ void __launch_bounds__(column_threads) batch_norm_apply(Columns columns, float epsilon,
                                                                   const T* __restrict__ x,  // (rows, C)
                                                                   const float* __restrict__ mean,      // (C)
                                                                   const float* __restrict__ variance,  // (C)
                                                                   const float* __restrict__ gamma,     // (C)
                                                                   const float* __restrict__ beta,      // (C)
                                                                   T* __restrict__ y) {  // (rows, C)
  const ColumnTask task = column_task(columns, width);
  if (!task.inside) {
    return;
  }
  float centre[width], scale[width], shift[width];
#pragma unroll
  for (int i = 0; i < width; ++i) {
    centre[i] = mean[task.column + i];
    scale[i] = gamma[task.column + i] / sqrtf(variance[task.column + i] + epsilon);
    shift[i] = beta[task.column + i];
  }
  for (std::int64_t row = task.begin; row < task.end; row += blockDim.y) {
    float value[width];
    load(x + row * columns.c + task.column, value);
#pragma unroll
    for (int i = 0; i < width; ++i) {
      value[i] = (value[i] - centre[i]) * scale[i] + shift[i];
    }
    store(y + row * columns.c + task.column, value);
  }
}

template <typename T, int width, bool statistics>
__global__ void __launch_bounds__(column_threads)
    batch_norm_apply_relu(Columns columns, ActivationOperands layer,
                          const T* __restrict__ x,        // (rows, C)
                          T* __restrict__ y,              // (rows, C)
                          float* __restrict__ means,      // (chunks, C): unused unless `statistics`
                          float* __restrict__ squares) {  // (chunks, C): unused unless `statistics`
  const ColumnTask task = column_task(columns, width);
  RunningMoments<width> seen;
  if (task.inside) {
    const BatchNormCoefficients<width> batch_norm = load_batch_norm<width>(layer, task.column);
#pragma unroll 1  // unrolling would spill registers
    for (std::int64_t row = task.begin; row < task.end; row += blockDim.y) {
      float value[width];
      load(x + row * columns.c + task.column, value);
      activate(batch_norm, 0xFFU, 1.0F, value);
#pragma unroll
      for (int i = 0; i < width; ++i) {
        value[i] = as_stored(y, value[i]);
      }
      store(y + row * columns.c + task.column, value);
      if constexpr (statistics) {
        seen.add(value);
      }
    }
  }
  if constexpr (statistics) {
    store_moments(columns, task, seen, means, squares);
  }
}

// ---- backward ----

template <typename T, int width, bool relu>
__global__ void __launch_bounds__(column_threads)
    batch_norm_grad_chunk_sums(Columns columns, ActivationOperands layer,
                               const T* __restrict__ x,         // (rows, C)
                               const T* __restrict__ gy,        // (rows, C)
                               float* __restrict__ sums,        // (chunks, C): sums of gy
                               float* __restrict__ products) {  // (chunks, C): sums of gy * (x - mean)
  const ColumnTask task = column_task(columns, width);
  float sum[2 * width] = {};
  if (task.inside) {
    BatchNormCoefficients<width> batch_norm{};
    if constexpr (relu) {
      batch_norm = load_batch_norm<width>(layer, task.column);
    }
    float centre[width];
#pragma unroll
    for (int i = 0; i < width; ++i) {
      centre[i] = layer.mean[task.column + i];
    }
    std::int64_t at = task.begin * columns.c + task.column;
    for (int rows = task.rows(); rows > 0; --rows, at += blockDim.y * columns.c) {
      float value[width], gradient[width];
      load(x + at, value);
      load(gy + at, gradient);
      if constexpr (relu) {
#pragma unroll
        for (int i = 0; i < width; ++i) {
          gradient[i] = masked(batch_norm, 0xFFU, 1.0F, i, value[i], gradient[i]);
        }
      }
#pragma unroll
      for (int i = 0; i < width; ++i) {
        sum[i] += gradient[i];
        sum[width + i] += gradient[i] * (value[i] - centre[i]);
      }
    }
  }
  add_down(sum);
  if (task.inside && threadIdx.y == 0) {
#pragma unroll
    for (int i = 0; i < width; ++i) {
      sums[task.chunk * columns.c + task.column + i] = sum[i];
      products[task.chunk * columns.c + task.column + i] = sum[width + i];
    }
  }
}

__global__ void __launch_bounds__(column_threads)
    batch_norm_grad_add_chunks(Columns chunks, float epsilon, float rows,
                               const float* __restrict__ sums,      // (chunks, C)
                               const float* __restrict__ products,  // (chunks, C)
                               const float* __restrict__ variance,  // (C)
                               const float* __restrict__ gamma,     // (C)
                               float* __restrict__ ggamma,          // (C)
                               float* __restrict__ gbeta,           // (C)
                               float* __restrict__ coefficients) {  // (3, C): scale, offset, slope
  const ColumnTask task = column_task(chunks, 1);
  float sum[2] = {};
  if (task.inside) {
    for (std::int64_t chunk = task.begin; chunk < task.end; chunk += blockDim.y) {
      sum[0] += sums[chunk * chunks.c + task.column];
      sum[1] += products[chunk * chunks.c + task.column];
    }
  }
  add_down(sum);
  if (task.inside && threadIdx.y == 0) {
    finish_batch_norm_sums(task.column, chunks.c, rows, sum[0], sum[1], epsilon, variance, gamma, ggamma,
                           gbeta, coefficients);
  }
}

template <typename T, int width, bool relu>
__global__ void __launch_bounds__(column_threads)
    batch_norm_grad_input(Columns columns, ActivationOperands layer,
                          const T* __restrict__ x,                 // (rows, C)
                          const T* __restrict__ gy,                // (rows, C)
                          const float* __restrict__ coefficients,  // (3, C)
                          T* __restrict__ gx) {                    // (rows, C)
  const ColumnTask task = column_task(columns, width);
  if (!task.inside) {
    return;
  }
  BatchNormCoefficients<width> batch_norm{};
  if constexpr (relu) {
    batch_norm = load_batch_norm<width>(layer, task.column);
  }
  const auto backward = load_batch_norm_gradient<width>(task.column, columns.c, layer.mean, coefficients);
  for (std::int64_t row = task.begin; row < task.end; row += blockDim.y) {
    float value[width], gradient[width];
    load(x + row * columns.c + task.column, value);
    load(gy + row * columns.c + task.column, gradient);
    if constexpr (relu) {
#pragma unroll
      for (int i = 0; i < width; ++i) {
        gradient[i] = masked(batch_norm, 0xFFU, 1.0F, i, value[i], gradient[i]);
      }
    }
    backward.apply(value, gradient);
    store(gx + row * columns.c + task.column, gradient);
  }
}

// ---- launchers ----

void check(const BatchNormShape& s) {
  require(s.rows > 0 && s.c > 0, "batch_norm: expected at least one row and one channel, got {} and {}",
          s.rows, s.c);
}

void statistics(Stream& stream, const BatchNormShape& s, ConstSpan x, Span mean, Span variance) {
  check(s);
  by_type(x.type, "batch_norm.statistics", [&](auto zero) {
    using T = decltype(zero);
    const T* const from = elements<T>(x, s.rows * s.c, "batch_norm.statistics: x");
    by_width<T>(whole_vectors<T>(s.c) && aligned(from), [&](auto constant) {
      constexpr int width = decltype(constant)::value;
      const Columns columns = cut_rows(s.rows, s.c, width, "batch_norm.statistics");
      const DeviceScratch scratch(stream, (1 + 2 * columns.chunks) * s.c * 4);
      float* const pivots = scratch.data();
      float* const means = pivots + s.c;
      float* const squares = means + columns.chunks * s.c;
      launch<batch_norm_chunk_moments<T, width>>(stream, column_grid(columns, 1, width),
                                                 column_block(columns.c, width), 0, columns, from, pivots,
                                                 means, squares);
      const ChunkMoments moments{columns,
                                 pivots,
                                 means,
                                 squares,
                                 elements<float>(mean, s.c, "batch_norm.statistics: mean"),
                                 elements<float>(variance, s.c, "batch_norm.statistics: variance")};
      merge_chunks(stream, {&moments, 1});
    });
  });
}

Blend blend_of(const RunningUpdate& problem) {
  const BatchNormShape& s = problem.shape;
  check(s);
  // A single row has no unbiased variance. PyTorch rejects it; here the biased variance, zero, is kept.
  const float unbiased =
      s.rows > 1 ? static_cast<float>(static_cast<double>(s.rows) / static_cast<double>(s.rows - 1)) : 1.0F;
  return {to_int(s.c, "batch_norm.update_running"),
          problem.momentum,
          unbiased,
          elements<float>(problem.mean, s.c, "batch_norm.update_running: mean"),
          elements<float>(problem.variance, s.c, "batch_norm.update_running: variance"),
          elements<float>(problem.running_mean, s.c, "batch_norm.update_running: running_mean"),
          elements<float>(problem.running_variance, s.c, "batch_norm.update_running: running_variance")};
}

void update_running_group(Stream& stream, std::span<const RunningUpdate> group) {
  const auto any = [](const RunningUpdate&) { return true; };
  for_each_launch(group, any, [&](std::span<const RunningUpdate> problems) {
    LaunchBatch<Blend> batch;
    std::int64_t most = 0;
    for (const RunningUpdate& problem : problems) {
      batch.add(blend_of(problem));
      most = max(most, problem.shape.c);
    }
    launch<batch_norm_update_running>(
        stream, dim3(blocks_for(most, column_threads), 1, static_cast<unsigned>(batch.problems)),
        dim3(column_threads), 0, batch);
  });
}

void apply(Stream& stream, const BatchNormShape& s, float epsilon, ConstSpan x, ConstSpan mean,
           ConstSpan variance, ConstSpan gamma, ConstSpan beta, Span y) {
  check(s);
  by_type(x.type, "batch_norm.apply", [&](auto zero) {
    using T = decltype(zero);
    const T* const from = elements<T>(x, s.rows * s.c, "batch_norm.apply: x");
    T* const to = elements<T>(y, s.rows * s.c, "batch_norm.apply: y");
    by_width<T>(whole_vectors<T>(s.c) && aligned(from, to), [&](auto constant) {
      constexpr int width = decltype(constant)::value;
      const Columns columns = cut_rows(s.rows, s.c, width, "batch_norm.apply");
      launch<batch_norm_apply<T, width>>(stream, column_grid(columns, 1, width),
                                         column_block(columns.c, width), 0, columns, epsilon, from,
                                         elements<float>(mean, s.c, "batch_norm.apply: mean"),
                                         elements<float>(variance, s.c, "batch_norm.apply: variance"),
                                         elements<float>(gamma, s.c, "batch_norm.apply: gamma"),
                                         elements<float>(beta, s.c, "batch_norm.apply: beta"), to);
    });
  });
}

ActivationOperands layer_of(const BatchNormShape& s, float epsilon, ConstSpan mean, ConstSpan variance,
                            ConstSpan gamma, ConstSpan beta) {
  return {.mean = elements<float>(mean, s.c, "batch_norm: mean"),
          .variance = elements<float>(variance, s.c, "batch_norm: variance"),
          .gamma = elements<float>(gamma, s.c, "batch_norm: gamma"),
          .beta = elements_or_null<float>(beta, s.c, "batch_norm: beta"),
          .epsilon = epsilon};
}

void apply_relu(Stream& stream, const BatchNormShape& s, float epsilon, ConstSpan x, ConstSpan mean,
                ConstSpan variance, ConstSpan gamma, ConstSpan beta, Span y, Span y_mean, Span y_variance) {
  check(s);
  const ActivationOperands layer = layer_of(s, epsilon, mean, variance, gamma, beta);
  require(layer.beta != nullptr, "batch_norm.apply_relu: expected beta");
  by_type(x.type, "batch_norm.apply_relu", [&](auto zero) {
    using T = decltype(zero);
    const T* const from = elements<T>(x, s.rows * s.c, "batch_norm.apply_relu: x");
    T* const to = elements<T>(y, s.rows * s.c, "batch_norm.apply_relu: y");
    by_width<T>(whole_vectors<T>(s.c) && aligned(from, to), [&](auto constant) {
      constexpr int width = decltype(constant)::value;
      const Columns columns = cut_rows(s.rows, s.c, width, "batch_norm.apply_relu");
      const dim3 grid = column_grid(columns, 1, width);
      const dim3 block = column_block(columns.c, width);
      if (y_mean.empty()) {
        launch<batch_norm_apply_relu<T, width, false>>(stream, grid, block, 0, columns, layer, from, to,
                                                       nullptr, nullptr);
        return;
      }
      const DeviceScratch scratch(stream, 2 * columns.chunks * s.c * 4);
      float* const means = scratch.data();
      float* const squares = means + columns.chunks * s.c;
      launch<batch_norm_apply_relu<T, width, true>>(stream, grid, block, 0, columns, layer, from, to, means,
                                                    squares);
      const ChunkMoments moments{columns,
                                 nullptr,
                                 means,
                                 squares,
                                 elements<float>(y_mean, s.c, "batch_norm.apply_relu: y_mean"),
                                 elements<float>(y_variance, s.c, "batch_norm.apply_relu: y_variance")};
      merge_chunks(stream, {&moments, 1});
    });
  });
}

template <bool relu>
void run_backward(Stream& stream, const BatchNormShape& s, const ActivationOperands& layer, ConstSpan x,
                  ConstSpan gy, Span gx, Span ggamma, Span gbeta) {
  check(s);
  by_type(x.type, "batch_norm.backward", [&](auto zero) {
    using T = decltype(zero);
    const T* const from = elements<T>(x, s.rows * s.c, "batch_norm.backward: x");
    const T* const gradient = elements<T>(gy, s.rows * s.c, "batch_norm.backward: gy");
    T* const to = elements<T>(gx, s.rows * s.c, "batch_norm.backward: gx");
    by_width<T>(whole_vectors<T>(s.c) && aligned(from, gradient, to), [&](auto constant) {
      constexpr int width = decltype(constant)::value;
      const Columns columns = cut_rows(s.rows, s.c, width, "batch_norm.backward");
      const Columns chunks = rows_of_chunks(columns);
      const dim3 grid = column_grid(columns, 1, width);
      const dim3 block = column_block(columns.c, width);
      const DeviceScratch scratch(stream, (2 * columns.chunks + 3) * s.c * 4);
      float* const sums = scratch.data();
      float* const products = sums + columns.chunks * s.c;
      float* const coefficients = products + columns.chunks * s.c;
      launch<batch_norm_grad_chunk_sums<T, width, relu>>(stream, grid, block, 0, columns, layer, from,
                                                         gradient, sums, products);
      launch<batch_norm_grad_add_chunks>(
          stream, column_grid(chunks, 1, 1), column_block(columns.c, 1), 0, chunks, layer.epsilon,
          static_cast<float>(s.rows), sums, products, layer.variance, layer.gamma,
          elements<float>(ggamma, s.c, "batch_norm.backward: ggamma"),
          elements<float>(gbeta, s.c, "batch_norm.backward: gbeta"), coefficients);
      launch<batch_norm_grad_input<T, width, relu>>(stream, grid, block, 0, columns, layer, from, gradient,
                                                    coefficients, to);
    });
  });
}

void backward(Stream& stream, const BatchNormShape& s, float epsilon, ConstSpan x, ConstSpan gy,
              ConstSpan mean, ConstSpan variance, ConstSpan gamma, Span gx, Span ggamma, Span gbeta) {
  run_backward<false>(stream, s, layer_of(s, epsilon, mean, variance, gamma, {}), x, gy, gx, ggamma, gbeta);
}

void backward_relu(Stream& stream, const BatchNormShape& s, float epsilon, ConstSpan x, ConstSpan gy,
                   ConstSpan mean, ConstSpan variance, ConstSpan gamma, ConstSpan beta, Span gx, Span ggamma,
                   Span gbeta) {
  const ActivationOperands layer = layer_of(s, epsilon, mean, variance, gamma, beta);
  require(layer.beta != nullptr, "batch_norm.backward_relu: expected beta");
  run_backward<true>(stream, s, layer, x, gy, gx, ggamma, gbeta);
}

}  // namespace

void merge_chunks(Stream& stream, std::span<const ChunkMoments> group) {
  const Columns& first = group.front().columns;
  LaunchBatch<ChunkMoments> problems;
  for (const ChunkMoments& problem : group) {
    problems.add(problem);
  }
  dim3 grid = column_grid(rows_of_chunks(first), 1, 1);
  grid.z = static_cast<unsigned>(problems.problems);
  launch<batch_norm_merge_moments>(stream, grid, column_block(first.c, 1), 0, problems);
}

BatchNormKernels batch_norm_kernels() {
  return {.statistics = statistics,
          .update_running_group = update_running_group,
          .apply = apply,
          .backward = backward,
          .apply_relu = apply_relu,
          .backward_relu = backward_relu};
}

}  // namespace sec::kernels::SEC_BACKEND
