// The recurrence of an LSTM.
// Time steps depend on each other and have little work, so one launch computes them all.
// A block takes a few sequences from the first time step to the last.
// It keeps the sequences' states in shared memory, and the weights too if they fit.
//   lstm_forward   a thread computes one hidden unit, with all four gates, of a few sequences
//   lstm_backward  the gradient, in the same way, from the last time step to the first
// A block reads 16 Hid^2 bytes of weights per time step: 26 KB for 40 units, from shared memory.
// For more than about 100 units the weights come from the L2 cache, which all blocks share.
#include "kernels/cuda/elements.h"
#include "kernels/cuda/parts.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr int threads = 256;
constexpr int per_thread = 2;  // sequences per thread; each weight that is loaded is used for all of them
constexpr int parts = 4;       // gates i, f, g, o

struct Sizes {
  std::int64_t n;
  int steps;
  int hidden;
  bool reverse;

  SEC_DEVICE std::int64_t time(int step) const { return reverse ? steps - 1 - step : step; }
};

SEC_DEVICE float sigmoid_of(float value) {
  return 1.0F / (1.0F + expf(-value));
}

SEC_DEVICE void copy_weights(float* to, const float* __restrict__ from, int count) {
  const auto first = static_cast<int>(threadIdx.y * blockDim.x + threadIdx.x);
  for (int i = first; i < count; i += threads) {
    to[i] = from[i];
  }
}

// Shared memory holds h before and after a time step, c, and the weights if `cached`.
template <typename T, bool cached>
__global__ void __launch_bounds__(threads) lstm_forward(Sizes s,
                                                        const T* __restrict__ projected,  // (N, T, 4 Hid)
                                                        const float* __restrict__ w,      // (Hid, 4 Hid)
                                                        const float* __restrict__ bias,   // (4 Hid)
                                                        float* __restrict__ gates,  // (N, T, 4 Hid) or null
                                                        float* __restrict__ cells,  // (N, T, Hid) or null
                                                        T* __restrict__ y) {        // (N, T, Hid)
  DYN_SHARED(float, memory);
  const int rows = static_cast<int>(blockDim.y) * per_thread;  // sequences per block
  const int states = rows * s.hidden;
  float* const cell = memory + 2 * states;  // each element is used by one thread only
  float* const kept_weights = memory + 3 * states;
  const int columns = parts * s.hidden;
  const int own = static_cast<int>(threadIdx.y) * per_thread;
  for (int u = static_cast<int>(threadIdx.x); u < s.hidden; u += static_cast<int>(blockDim.x)) {
    for (int i = 0; i < per_thread; ++i) {
      memory[(own + i) * s.hidden + u] = 0.0F;
      cell[(own + i) * s.hidden + u] = 0.0F;
    }
  }
  if constexpr (cached) {
    copy_weights(kept_weights, w, s.hidden * columns);
  }
  const float* const weights = cached ? kept_weights : w;
  __syncthreads();
  const std::int64_t first = std::int64_t{blockIdx.x} * rows + own;
  for (int step = 0; step < s.steps; ++step) {
    const float* const before = memory + step % 2 * states;
    float* const after = memory + (step + 1) % 2 * states;
    for (int u = static_cast<int>(threadIdx.x); u < s.hidden; u += static_cast<int>(blockDim.x)) {
      float sum[per_thread][parts] = {};
#pragma unroll
      for (int i = 0; i < per_thread; ++i) {
        const T* const input = projected + ((first + i) * s.steps + s.time(step)) * columns + u;
#pragma unroll
        for (int part = 0; part < parts; ++part) {
          if (first + i < s.n) {
            sum[i][part] = load(input + part * s.hidden) + bias[part * s.hidden + u];
          }
        }
      }
      for (int j = 0; j < s.hidden; ++j) {
        float weight[parts];
#pragma unroll
        for (int part = 0; part < parts; ++part) {
          weight[part] = weights[j * columns + part * s.hidden + u];
        }
#pragma unroll
        for (int i = 0; i < per_thread; ++i) {
          const float h = before[(own + i) * s.hidden + j];
#pragma unroll
          for (int part = 0; part < parts; ++part) {
            sum[i][part] += h * weight[part];
          }
        }
      }
#pragma unroll
      for (int i = 0; i < per_thread; ++i) {
        const int state = (own + i) * s.hidden + u;
        const float gate[parts] = {sigmoid_of(sum[i][0]), sigmoid_of(sum[i][1]), tanhf(sum[i][2]),
                                   sigmoid_of(sum[i][3])};
        const float c = gate[1] * cell[state] + gate[0] * gate[2];
        const float h = gate[3] * tanhf(c);
        cell[state] = c;
        after[state] = h;
        if (first + i < s.n) {
          const std::int64_t place = (first + i) * s.steps + s.time(step);
          store(y + place * s.hidden + u, h);
          if (cells != nullptr) {
            cells[place * s.hidden + u] = c;
          }
          if (gates != nullptr) {
#pragma unroll
            for (int part = 0; part < parts; ++part) {
              gates[place * columns + part * s.hidden + u] = gate[part];
            }
          }
        }
      }
    }
    __syncthreads();
  }
}

// Shared memory holds the gates' gradients of this time step and of the next time step,
// the gradients of c, and the weights if `cached`.
template <typename T, bool cached>
__global__ void __launch_bounds__(threads)
    lstm_backward(Sizes s,
                  const T* __restrict__ gy,         // (N, T, Hid)
                  const float* __restrict__ w,      // (4 Hid, Hid): transposed for contiguous reads
                  const float* __restrict__ gates,  // (N, T, 4 Hid)
                  const float* __restrict__ cells,  // (N, T, Hid)
                  T* __restrict__ gprojected) {     // (N, T, 4 Hid)
  DYN_SHARED(float, memory);
  const int rows = static_cast<int>(blockDim.y) * per_thread;
  const int columns = parts * s.hidden;
  float* const gcell = memory + 2 * rows * columns;  // each element is used by one thread only
  float* const kept_weights = gcell + rows * s.hidden;
  const int own = static_cast<int>(threadIdx.y) * per_thread;
  for (int u = static_cast<int>(threadIdx.x); u < s.hidden; u += static_cast<int>(blockDim.x)) {
    for (int i = 0; i < per_thread; ++i) {
      gcell[(own + i) * s.hidden + u] = 0.0F;
      for (int part = 0; part < parts; ++part) {  // no time step follows the last
        memory[(rows + own + i) * columns + part * s.hidden + u] = 0.0F;
      }
    }
  }
  if constexpr (cached) {
    copy_weights(kept_weights, w, s.hidden * columns);
  }
  const float* const weights = cached ? kept_weights : w;
  __syncthreads();
  const std::int64_t first = std::int64_t{blockIdx.x} * rows + own;
  for (int left = s.steps; left > 0; --left) {
    const int step = left - 1;
    const int side = (s.steps - left) % 2;
    float* const now = memory + side * rows * columns;
    const float* const later = memory + (1 - side) * rows * columns;
    for (int u = static_cast<int>(threadIdx.x); u < s.hidden; u += static_cast<int>(blockDim.x)) {
      float gh[per_thread] = {};
      for (int column = 0; column < columns; ++column) {
        const float weight = weights[column * s.hidden + u];
#pragma unroll
        for (int i = 0; i < per_thread; ++i) {
          gh[i] += later[(own + i) * columns + column] * weight;
        }
      }
#pragma unroll
      for (int i = 0; i < per_thread; ++i) {
        if (first + i >= s.n) {
#pragma unroll
          for (int part = 0; part < parts; ++part) {
            now[(own + i) * columns + part * s.hidden + u] = 0.0F;
          }
          continue;
        }
        const std::int64_t place = (first + i) * s.steps + s.time(step);
        const std::int64_t before = place + (s.reverse ? 1 : -1);
        const float* const kept = gates + place * columns + u;
        const float in = kept[0];
        const float forget = kept[s.hidden];
        const float value = kept[2 * s.hidden];
        const float out = kept[3 * s.hidden];
        const float level = tanhf(cells[place * s.hidden + u]);
        const float old = step > 0 ? cells[before * s.hidden + u] : 0.0F;
        const float dh = load(gy + place * s.hidden + u) + gh[i];
        float* const dcell = gcell + (own + i) * s.hidden + u;
        const float dc = *dcell + dh * out * (1.0F - level * level);
        *dcell = dc * forget;
        const float gradient[parts] = {dc * value * (in * (1.0F - in)), dc * old * (forget * (1.0F - forget)),
                                       dc * in * (1.0F - value * value), dh * level * (out * (1.0F - out))};
#pragma unroll
        for (int part = 0; part < parts; ++part) {
          now[(own + i) * columns + part * s.hidden + u] = gradient[part];
          store(gprojected + place * columns + part * s.hidden + u, gradient[part]);
        }
      }
    }
    __syncthreads();
  }
}

__global__ void __launch_bounds__(threads)
    lstm_transpose_weights(int from_rows, int from_columns, const float* __restrict__ from,
                           float* __restrict__ to) {
  const std::int64_t index = first_element(1);
  if (index < std::int64_t{from_rows} * from_columns) {
    to[index] = from[index % from_rows * from_columns + index / from_rows];
  }
}

// ---- launchers ----

struct Launch {
  Sizes sizes;
  dim3 block;
  unsigned grid;
  std::size_t states;   // bytes of shared memory without the weights
  std::size_t weights;  // bytes of shared memory for the weights
  bool cached() const { return states + weights <= max_shared; }
  std::size_t memory() const { return cached() ? states + weights : states; }
};

// `floats`: floats of shared memory per hidden unit of a sequence.
Launch checked_launch(const LstmShape& s, std::int64_t floats, const char* what) {
  require(s.n >= 0 && s.steps > 0 && s.hidden > 0, "{}: expected extents of 1 or more", what);
  constexpr std::int64_t size = sizeof(float);
  const auto most = static_cast<std::int64_t>(max_shared) / (floats * per_thread * size);
  require(s.hidden <= most, "{}: {} hidden units are more than a block can hold ({})", what, s.hidden, most);
  const auto across = static_cast<unsigned>(min(ceil_div(s.hidden, 32) * 32, std::int64_t{threads}));
  // A power of two, so that the block has all its `threads` threads.
  unsigned width = 32;
  while (width < across) {
    width *= 2;
  }
  unsigned down = threads / width;
  while (down > 1 && floats * per_thread * down * s.hidden * size > static_cast<std::int64_t>(max_shared)) {
    down /= 2;
  }
  const std::int64_t rows = std::int64_t{down} * per_thread;
  return {{s.n, to_int(s.steps, what), to_int(s.hidden, what), s.reverse},
          dim3(width, down),
          blocks_for(s.n, rows),
          static_cast<std::size_t>(floats * rows * s.hidden * size),
          static_cast<std::size_t>(parts * s.hidden * s.hidden * size)};
}

void forward(Stream& stream, const LstmShape& s, ConstSpan projected, ConstSpan w, ConstSpan bias, Span gates,
             Span cells, Span y) {
  const Launch l = checked_launch(s, 3, "lstm.forward");
  by_type(y.type, "lstm.forward", [&](auto zero) {
    using T = decltype(zero);
    const std::int64_t count = s.n * s.steps * s.hidden;
    const T* const from = elements<T>(projected, parts * count, "lstm.forward: projected");
    const float* const weights = elements<float>(w, parts * s.hidden * s.hidden, "lstm.forward: w");
    const float* const offsets = elements<float>(bias, parts * s.hidden, "lstm.forward: bias");
    float* const kept_gates = elements_or_null<float>(gates, parts * count, "lstm.forward: gates");
    float* const kept_cells = elements_or_null<float>(cells, count, "lstm.forward: cells");
    T* const to = elements<T>(y, count, "lstm.forward: y");
    if (s.n == 0) {
      return;
    }
    if (l.cached()) {
      launch<lstm_forward<T, true>>(stream, dim3(l.grid), l.block, l.memory(), l.sizes, from, weights,
                                    offsets, kept_gates, kept_cells, to);
    } else {
      launch<lstm_forward<T, false>>(stream, dim3(l.grid), l.block, l.memory(), l.sizes, from, weights,
                                     offsets, kept_gates, kept_cells, to);
    }
  });
}

void backward(Stream& stream, const LstmShape& s, ConstSpan gy, ConstSpan w, ConstSpan gates, ConstSpan cells,
              Span gprojected) {
  const Launch l = checked_launch(s, 2 * parts + 1, "lstm.backward");
  by_type(gprojected.type, "lstm.backward", [&](auto zero) {
    using T = decltype(zero);
    const std::int64_t count = s.n * s.steps * s.hidden;
    const std::int64_t weight_count = parts * s.hidden * s.hidden;
    const T* const gradient = elements<T>(gy, count, "lstm.backward: gy");
    const float* const weights = elements<float>(w, weight_count, "lstm.backward: w");
    const float* const kept_gates = elements<float>(gates, parts * count, "lstm.backward: gates");
    const float* const kept_cells = elements<float>(cells, count, "lstm.backward: cells");
    T* const to = elements<T>(gprojected, parts * count, "lstm.backward: gprojected");
    if (s.n == 0) {
      return;
    }
    const DeviceScratch transposed(stream, weight_count * static_cast<std::int64_t>(sizeof(float)));
    launch<lstm_transpose_weights>(stream, dim3(blocks_for(weight_count, threads)), dim3(threads), 0,
                                   l.sizes.hidden, parts * l.sizes.hidden, weights, transposed.data());
    if (l.cached()) {
      launch<lstm_backward<T, true>>(stream, dim3(l.grid), l.block, l.memory(), l.sizes, gradient,
                                     transposed.data(), kept_gates, kept_cells, to);
    } else {
      launch<lstm_backward<T, false>>(stream, dim3(l.grid), l.block, l.memory(), l.sizes, gradient,
                                      transposed.data(), kept_gates, kept_cells, to);
    }
  });
}

}  // namespace

LstmKernels lstm_kernels() {
  return {.forward = forward, .backward = backward};
}

}  // namespace sec::kernels::SEC_BACKEND
