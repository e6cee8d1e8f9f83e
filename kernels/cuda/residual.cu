// The end of a residual block, y = relu(x * gate + shortcut):
//   forward         y and, in training, its batch statistics: moments of what a thread writes, merged over
//                   threads and then, by a second kernel, over chunks. The rows of all samples are one
//                   segment, so that many short samples make no more chunks than a long one; a thread loads
//                   the gate's factors again where its next row is another sample's
//   backward        gshortcut and the sums for ggate, sample by sample, as gate_backward takes them
//   backward_input  gx, once the gradient of the gate's means is there
// Bytes, x's size being 1: forward reads x and shortcut and writes y, 3. backward reads x, gy and, with ReLU,
// y, and writes gshortcut, 4 or 3. backward_input reads gshortcut and writes gx, 2. Gates are 1 / positions
// of that each, partial results at most 1 / 16.
#include "kernels/cuda/moments.h"
#include "kernels/cuda/parts.h"
#include "kernels/cuda/segment_sums.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

// y = max(x * gate + shortcut, floor). The means of threads are merged as they are: each is off by a rounding
// of its own, no more than an element of y.
template <typename T, int width, bool statistics>
__global__ void __launch_bounds__(column_threads)
    add_gated(Columns columns, unsigned positions, float floor,
              const T* __restrict__ x,         // (N, positions, C)
              const T* __restrict__ gate,      // (N, C)
              const T* __restrict__ shortcut,  // (N, positions, C)
              T* __restrict__ y,               // (N, positions, C)
              float* __restrict__ means,       // (chunks, C), with `statistics`
              float* __restrict__ squares) {   // (chunks, C), likewise
  const ColumnTask task = column_task(columns, width);
  RunningMoments<width> seen;
  if (task.inside) {
    float factor[width];
    std::int64_t sample = task.begin / positions;
    auto position = static_cast<unsigned>(task.begin % positions);
    bool other_sample = true;
    std::int64_t at = task.begin * columns.c + task.column;
#pragma unroll 1  // several rows at once spill registers, for width 1
    for (int rows = task.rows(); rows > 0; --rows, at += blockDim.y * columns.c) {
      if (other_sample) {
        load(gate + sample * columns.c + task.column, factor);
      }
      float value[width], added[width];
      load(x + at, value);
      load(shortcut + at, added);
#pragma unroll
      for (int i = 0; i < width; ++i) {
        const float sum = value[i] * factor[i] + added[i];
        value[i] = as_stored(y, sum < floor ? floor : sum);  // NaN is not below: it passes
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
    store_moments(columns, task, seen, means, squares);
  }
}

template <typename T, int width>
__global__ void __launch_bounds__(column_threads)
    add_gated_backward(Columns columns, bool relu,
                       const T* __restrict__ x,        // (N, positions, C)
                       const T* __restrict__ y,        // (N, positions, C)
                       const T* __restrict__ gy,       // (N, positions, C)
                       T* __restrict__ gshortcut,      // (N, positions, C)
                       T* __restrict__ ggate,          // (N, C)
                       float* __restrict__ partial) {  // (N, chunks, C)
  const ColumnTask task = column_task(columns, width);
  float sum[width] = {};
  if (task.inside) {
    for (std::int64_t row = task.begin; row < task.end; row += blockDim.y) {
      const std::int64_t at = row * columns.c + task.column;
      float value[width], gradient[width];
      load(x + at, value);
      load(gy + at, gradient);
      if (relu) {
        float out[width];
        load(y + at, out);
#pragma unroll
        for (int i = 0; i < width; ++i) {
          gradient[i] = out[i] > 0.0F ? gradient[i] : 0.0F;
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
  store_sums(columns, task, sum, 1.0F, ggate, partial);
}

template <typename T, int width>
__global__ void __launch_bounds__(column_threads)
    scale_and_shift(Columns columns, float positions,
                    const T* __restrict__ gshortcut,  // (N, positions, C)
                    const T* __restrict__ gate,       // (N, C)
                    const T* __restrict__ gmeans,     // (N, C)
                    T* __restrict__ gx) {             // (N, positions, C)
  const ColumnTask task = column_task(columns, width);
  if (!task.inside) {
    return;
  }
  float factor[width], shift[width];
  load(gate + task.segment * columns.c + task.column, factor);
  load(gmeans + task.segment * columns.c + task.column, shift);
#pragma unroll
  for (int i = 0; i < width; ++i) {
    shift[i] /= positions;
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

void forward(Stream& stream, const GateShape& s, bool relu, ConstSpan x, ConstSpan gate, ConstSpan shortcut,
             Span y, Span mean, Span variance) {
  check(s);
  const bool statistics = !mean.empty() || !variance.empty();
  require(s.n > 0 || !statistics, "residual.forward: no samples to take statistics of");
  by_type(y.type, "residual.forward", [&](auto zero) {
    using T = decltype(zero);
    const std::int64_t rows = s.n * s.positions;
    const T* const from = elements<T>(x, rows * s.c, "residual.forward: x");
    const T* const factors = elements<T>(gate, s.n * s.c, "residual.forward: gate");
    const T* const added = elements<T>(shortcut, rows * s.c, "residual.forward: shortcut");
    T* const to = elements<T>(y, rows * s.c, "residual.forward: y");
    if (rows == 0) {
      return;
    }
    const auto positions = static_cast<unsigned>(to_int(s.positions, "residual.forward"));
    const float floor = relu ? 0.0F : -std::numeric_limits<float>::infinity();
    by_width<T>(whole_vectors<T>(s.c) && aligned(from, factors, added, to), [&](auto constant) {
      constexpr int width = decltype(constant)::value;
      const Columns columns = cut_rows(rows, s.c, width, "residual.forward");
      const dim3 grid = column_grid(columns, 1, width);
      const dim3 block = column_block(columns.c, width);
      if (!statistics) {
        launch<add_gated<T, width, false>>(stream, grid, block, 0, columns, positions, floor, from, factors,
                                           added, to, nullptr, nullptr);
        return;
      }
      float* const to_mean = elements<float>(mean, s.c, "residual.forward: mean");
      float* const to_variance = elements<float>(variance, s.c, "residual.forward: variance");
      const Scratch scratch(stream, 2 * columns.chunks * s.c * 4);
      float* const means = scratch.data();
      float* const squares = means + columns.chunks * s.c;
      launch<add_gated<T, width, true>>(stream, grid, block, 0, columns, positions, floor, from, factors,
                                        added, to, means, squares);
      merge_chunks(stream, columns, nullptr, means, squares, to_mean, to_variance);
    });
  });
}

void backward(Stream& stream, const GateShape& s, bool relu, ConstSpan x, ConstSpan y, ConstSpan gy,
              Span gshortcut, Span ggate) {
  check(s);
  by_type(gy.type, "residual.backward", [&](auto zero) {
    using T = decltype(zero);
    const std::int64_t count = s.n * s.positions * s.c;
    const T* const from = elements<T>(x, count, "residual.backward: x");
    const T* const out = elements<T>(y, count, "residual.backward: y");
    const T* const gradient = elements<T>(gy, count, "residual.backward: gy");
    T* const to = elements<T>(gshortcut, count, "residual.backward: gshortcut");
    T* const gfactors = elements<T>(ggate, s.n * s.c, "residual.backward: ggate");
    if (s.n == 0) {
      return;
    }
    by_width<T>(whole_vectors<T>(s.c) && aligned(from, out, gradient, to), [&](auto constant) {
      constexpr int width = decltype(constant)::value;
      const Columns columns = cut_rows(s.positions, s.c, width, "residual.backward");
      const Scratch partial(stream, columns.chunks > 1 ? s.n * columns.chunks * s.c * 4 : 0);
      launch<add_gated_backward<T, width>>(stream, column_grid(columns, s.n, width),
                                           column_block(columns.c, width), 0, columns, relu, from, out,
                                           gradient, to, gfactors, partial.data());
      if (columns.chunks > 1) {
        add_chunks(stream, columns, s.n, 1.0F, partial.data(), gfactors);
      }
    });
  });
}

void backward_input(Stream& stream, const GateShape& s, ConstSpan gshortcut, ConstSpan gate, ConstSpan gmeans,
                    Span gx) {
  check(s);
  by_type(gx.type, "residual.backward_input", [&](auto zero) {
    using T = decltype(zero);
    const std::int64_t count = s.n * s.positions * s.c;
    const T* const gradient = elements<T>(gshortcut, count, "residual.backward_input: gshortcut");
    const T* const factors = elements<T>(gate, s.n * s.c, "residual.backward_input: gate");
    const T* const shifts = elements<T>(gmeans, s.n * s.c, "residual.backward_input: gmeans");
    T* const to = elements<T>(gx, count, "residual.backward_input: gx");
    if (s.n == 0) {
      return;
    }
    by_width<T>(whole_vectors<T>(s.c) && aligned(gradient, factors, shifts, to), [&](auto constant) {
      constexpr int width = decltype(constant)::value;
      const Columns columns = cut_rows(s.positions, s.c, width, "residual.backward_input");
      launch<scale_and_shift<T, width>>(stream, column_grid(columns, s.n, width),
                                        column_block(columns.c, width), 0, columns,
                                        static_cast<float>(s.positions), gradient, factors, shifts, to);
    });
  });
}

}  // namespace

ResidualKernels residual_kernels() {
  return {.forward = forward, .backward = backward, .backward_input = backward_input};
}

}  // namespace sec::kernels::SEC_BACKEND
