// Optimizer steps over flat buffers, one launch for all parameters of a network.
// A thread updates four elements, with vector accesses if the buffers are aligned. Memory is the bottleneck.
// Adam reads four floats per element and writes three:
// 460 MB for the 16.4 M parameters of the 8-lead network. A moving average reads and writes one more float.
#include <limits>

#include "kernels/cuda/block_sum.h"
#include "kernels/cuda/parts.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr int threads = 256;

// Load or store up to four elements at `first`, with one vector access if width is 4 and all four exist.
template <int width>
SEC_DEVICE void load_part(const float* from, std::int64_t first, std::int64_t count, float (&to)[4]) {
  if (width == 4 && first + 4 <= count) {
    load(from + first, to);
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      to[i] = first + i < count ? from[first + i] : 0.0F;
    }
  }
}
template <int width>
SEC_DEVICE void store_part(float* to, std::int64_t first, std::int64_t count, const float (&from)[4]) {
  if (width == 4 && first + 4 <= count) {
    store(to + first, from);
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if (first + i < count) {
        to[first + i] = from[i];
      }
    }
  }
}

SEC_DEVICE bool is_finite(float sum_of_squares) {
  return sum_of_squares <= std::numeric_limits<float>::max();
}

// The factor that scales the gradient to the clipping norm.
SEC_DEVICE float clipping(float sum_of_squares, float clip_norm) {
  const float norm = sqrtf(sum_of_squares);
  return clip_norm > 0 && norm > clip_norm ? clip_norm / norm : 1.0F;
}

// Updates the moving average of parameters.
SEC_DEVICE void blend(float decay, const float (&parameters)[4], float (&average)[4]) {
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    average[i] = decay * average[i] + (1.0F - decay) * parameters[i];
  }
}

template <int width>
__global__ void __launch_bounds__(threads)
    adam_step(AdamOptions o, std::int64_t count, const StepValues* __restrict__ now,
              const float* __restrict__ sum_of_squares,  // (1)
              const float* __restrict__ gradient,        // (P)
              float* __restrict__ parameters,            // (P)
              float* __restrict__ first_moment,          // (P)
              float* __restrict__ second_moment,         // (P)
              float* __restrict__ average) {             // (P), or null
  const float scale = clipping(*sum_of_squares, o.clip_norm);
  const float rate = now->adam_rate;
  const float correction = now->adam_correction;
  const float added_decay = o.decoupled ? 0.0F : o.weight_decay;
  const float kept = o.decoupled ? 1.0F - now->rate * o.weight_decay : 1.0F;
  const std::int64_t first = first_element(4);
  float g[4], p[4], m[4], v[4], a[4];
  load_part<width>(parameters, first, count, p);
  if (average != nullptr) {
    load_part<width>(average, first, count, a);
  }
  if (is_finite(*sum_of_squares)) {
    load_part<width>(gradient, first, count, g);
    load_part<width>(first_moment, first, count, m);
    load_part<width>(second_moment, first, count, v);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const float slope = g[i] * scale + added_decay * p[i];
      m[i] = o.beta1 * m[i] + (1.0F - o.beta1) * slope;
      v[i] = o.beta2 * v[i] + (1.0F - o.beta2) * slope * slope;
      p[i] = kept * p[i] - rate * m[i] / (sqrtf(v[i]) * correction + o.epsilon);
    }
    store_part<width>(parameters, first, count, p);
    store_part<width>(first_moment, first, count, m);
    store_part<width>(second_moment, first, count, v);
  }
  if (average != nullptr) {
    blend(now->average_decay, p, a);
    store_part<width>(average, first, count, a);
  }
}

template <int width>
__global__ void __launch_bounds__(threads)
    sgd_step(SgdOptions o, std::int64_t count, const StepValues* __restrict__ now,
             const float* __restrict__ sum_of_squares,  // (1)
             const float* __restrict__ gradient,        // (P)
             float* __restrict__ parameters,            // (P)
             float* __restrict__ velocity,              // (P)
             float* __restrict__ average) {             // (P), or null
  const float scale = clipping(*sum_of_squares, o.clip_norm);
  const float rate = now->rate;
  const std::int64_t first = first_element(4);
  float g[4], p[4], v[4], a[4];
  load_part<width>(parameters, first, count, p);
  if (average != nullptr) {
    load_part<width>(average, first, count, a);
  }
  if (is_finite(*sum_of_squares)) {
    load_part<width>(gradient, first, count, g);
    load_part<width>(velocity, first, count, v);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const float slope = g[i] * scale + o.weight_decay * p[i];
      v[i] = o.momentum * v[i] + slope;
      p[i] -= rate * (o.nesterov ? slope + o.momentum * v[i] : v[i]);
    }
    store_part<width>(parameters, first, count, p);
    store_part<width>(velocity, first, count, v);
  }
  if (average != nullptr) {
    blend(now->average_decay, p, a);
    store_part<width>(average, first, count, a);
  }
}

template <int width>
__global__ void __launch_bounds__(threads)
    moving_average_step(std::int64_t count, const StepValues* __restrict__ now,
                        const float* __restrict__ parameters,  // (P)
                        float* __restrict__ average) {         // (P)
  const std::int64_t first = first_element(4);
  float p[4], a[4];
  load_part<width>(parameters, first, count, p);
  load_part<width>(average, first, count, a);
  blend(now->average_decay, p, a);
  store_part<width>(average, first, count, a);
}

// In double precision, because squares of large elements overflow f32.
template <int width>
__global__ void __launch_bounds__(threads) sum_of_squares_chunks(std::int64_t count, std::int64_t chunk,
                                                                 const float* __restrict__ x,     // (P)
                                                                 double* __restrict__ partial) {  // (chunks)
  const std::int64_t begin = blockIdx.x * chunk;
  const std::int64_t end = min(begin + chunk, count);
  double sum = 0;
  for (std::int64_t first = begin + 4 * std::int64_t{threadIdx.x}; first < end; first += 4 * threads) {
    float value[4];
    load_part<width>(x, first, end, value);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      sum += static_cast<double>(value[i]) * static_cast<double>(value[i]);
    }
  }
  sum = block_sum<threads>(sum);
  if (threadIdx.x == 0) {
    partial[blockIdx.x] = sum;
  }
}

__global__ void __launch_bounds__(threads)
    sum_of_squares_add_chunks(int chunks, const double* __restrict__ partial,  // (chunks)
                              float* __restrict__ sum) {                       // (1)
  double total = 0;
  for (int i = static_cast<int>(threadIdx.x); i < chunks; i += threads) {
    total += partial[i];
  }
  total = block_sum<threads>(total);
  if (threadIdx.x == 0) {
    *sum = static_cast<float>(total);
  }
}

// ---- launchers ----

dim3 grid_for(std::int64_t count) {
  return {blocks_for(count, threads * 4), 1, 1};
}

void adam(Stream& stream, const AdamOptions& options, const StepValues* now, ConstSpan sum_of_squares,
          ConstSpan gradient, Span parameters, Span first_moment, Span second_moment, Span average) {
  const std::int64_t count = parameters.count;
  const float* const sum = elements<float>(sum_of_squares, 1, "adam: sum_of_squares");
  const float* const g = elements<float>(gradient, count, "adam: gradient");
  float* const p = elements<float>(parameters, count, "adam: parameters");
  float* const m = elements<float>(first_moment, count, "adam: first_moment");
  float* const v = elements<float>(second_moment, count, "adam: second_moment");
  float* const a = elements_or_null<float>(average, count, "adam: average");
  if (count == 0) {
    return;
  }
  by_width<float>(aligned(g, p, m, v, a), [&](auto width) {
    launch<adam_step<decltype(width)::value>>(stream, grid_for(count), dim3(threads), 0, options, count, now,
                                              sum, g, p, m, v, a);
  });
}

void sgd(Stream& stream, const SgdOptions& options, const StepValues* now, ConstSpan sum_of_squares,
         ConstSpan gradient, Span parameters, Span velocity, Span average) {
  const std::int64_t count = parameters.count;
  const float* const sum = elements<float>(sum_of_squares, 1, "sgd: sum_of_squares");
  const float* const g = elements<float>(gradient, count, "sgd: gradient");
  float* const p = elements<float>(parameters, count, "sgd: parameters");
  float* const v = elements<float>(velocity, count, "sgd: velocity");
  float* const a = elements_or_null<float>(average, count, "sgd: average");
  if (count == 0) {
    return;
  }
  by_width<float>(aligned(g, p, v, a), [&](auto width) {
    launch<sgd_step<decltype(width)::value>>(stream, grid_for(count), dim3(threads), 0, options, count, now,
                                             sum, g, p, v, a);
  });
}

void moving_average(Stream& stream, const StepValues* now, ConstSpan parameters, Span average) {
  const std::int64_t count = average.count;
  const float* const p = elements<float>(parameters, count, "moving_average: parameters");
  float* const a = elements<float>(average, count, "moving_average: average");
  if (count == 0) {
    return;
  }
  by_width<float>(aligned(p, a), [&](auto width) {
    launch<moving_average_step<decltype(width)::value>>(stream, grid_for(count), dim3(threads), 0, count, now,
                                                        p, a);
  });
}

void sum_of_squares(Stream& stream, ConstSpan x, Span sum) {
  const float* const from = elements<float>(x, x.count, "sum_of_squares: x");
  float* const to = elements<float>(sum, 1, "sum_of_squares: sum");
  // Makes at most 1024 chunks, whose size is a multiple of what a block reads at a time: all start aligned.
  const std::int64_t piece = 4 * threads;
  const std::int64_t chunk = max(ceil_div(ceil_div(x.count, 1024), piece), std::int64_t{4}) * piece;
  const int chunks = to_int(ceil_div(x.count, chunk), "sum_of_squares");
  const DeviceScratch scratch(stream, std::int64_t{chunks} * 8);
  if (chunks > 0) {
    by_width<float>(aligned(from), [&](auto width) {
      launch<sum_of_squares_chunks<decltype(width)::value>>(stream, dim3(static_cast<unsigned>(chunks)),
                                                            dim3(threads), 0, x.count, chunk, from,
                                                            scratch.data<double>());
    });
  }
  launch<sum_of_squares_add_chunks>(stream, dim3(1), dim3(threads), 0, chunks, scratch.data<double>(), to);
}

}  // namespace

OptimizerKernels optimizer_kernels() {
  return {.adam = adam, .sgd = sgd, .moving_average = moving_average, .sum_of_squares = sum_of_squares};
}

}  // namespace sec::kernels::SEC_BACKEND
