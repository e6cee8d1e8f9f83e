// The excite layers. Samples do not meet in them, and one sample's numbers fit in shared memory: a block per
// sample does all of them in one launch.
//   excite          means to hidden units to factors
//   excite_samples  backward to the means, leaving the gradients of both layers' outputs behind
//   excite_weights  from these the gradients of the weights: a thread per weight walks down the samples
#include "kernels/cuda/elements.h"
#include "kernels/cuda/parts.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr int threads = 256;
constexpr int warps = threads / 32;
constexpr std::int64_t most_shared = 48 * 1024;  // bytes a block has without asking

SEC_DEVICE float sum_of_warp(float value) {
#pragma unroll
  for (int step = 16; step > 0; step /= 2) {
    value += __shfl_xor_sync(0xffffffffU, value, step);
  }
  return value;
}

template <typename T>
__global__ void __launch_bounds__(threads) excite(int c, int hidden,
                                                  const T* __restrict__ means,   // (N, C)
                                                  const float* __restrict__ w1,  // (C, Hid)
                                                  const float* __restrict__ b1,  // (Hid)
                                                  const float* __restrict__ w2,  // (Hid, C)
                                                  const float* __restrict__ b2,  // (C)
                                                  float* __restrict__ units,     // (N, Hid)
                                                  T* __restrict__ factors) {     // (N, C)
  DYN_SHARED(float, memory);
  float* const mean = memory;      // (C)
  float* const unit = memory + c;  // (Hid)
  const std::int64_t sample = blockIdx.x;
  const int lane = static_cast<int>(threadIdx.x % 32);
  for (int i = static_cast<int>(threadIdx.x); i < c; i += threads) {
    mean[i] = load(means + sample * c + i);
  }
  __syncthreads();
  for (int s = static_cast<int>(threadIdx.x / 32); s < hidden; s += warps) {  // a warp per unit
    float sum = 0.0F;
    for (int i = lane; i < c; i += 32) {
      sum += mean[i] * w1[i * hidden + s];
    }
    sum = sum_of_warp(sum) + b1[s];
    if (lane == 0) {
      unit[s] = sum < 0.0F ? 0.0F : sum;  // NaN passes
      units[sample * hidden + s] = unit[s];
    }
  }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < c; i += threads) {
    float sum = b2[i];
    for (int s = 0; s < hidden; ++s) {
      sum += unit[s] * w2[s * c + i];
    }
    store(factors + sample * c + i, 1.0F / (1.0F + expf(-sum)));
  }
}

template <typename T>
__global__ void __launch_bounds__(threads) excite_samples(int c, int hidden,
                                                          const float* __restrict__ w1,     // (C, Hid)
                                                          const float* __restrict__ w2,     // (Hid, C)
                                                          const float* __restrict__ units,  // (N, Hid)
                                                          const T* __restrict__ factors,    // (N, C)
                                                          const T* __restrict__ gfactors,   // (N, C)
                                                          float* __restrict__ glogits,      // (N, C)
                                                          float* __restrict__ gunits,       // (N, Hid)
                                                          T* __restrict__ gmeans) {         // (N, C)
  DYN_SHARED(float, memory);
  float* const glogit = memory;     // (C)
  float* const gunit = memory + c;  // (Hid)
  const std::int64_t sample = blockIdx.x;
  const int lane = static_cast<int>(threadIdx.x % 32);
  for (int i = static_cast<int>(threadIdx.x); i < c; i += threads) {
    const float factor = load(factors + sample * c + i);
    glogit[i] = load(gfactors + sample * c + i) * (factor * (1.0F - factor));
    glogits[sample * c + i] = glogit[i];
  }
  __syncthreads();
  for (int s = static_cast<int>(threadIdx.x / 32); s < hidden; s += warps) {
    float sum = 0.0F;
    for (int i = lane; i < c; i += 32) {
      sum += glogit[i] * w2[s * c + i];
    }
    sum = sum_of_warp(sum);
    if (lane == 0) {
      gunit[s] = units[sample * hidden + s] > 0.0F ? sum : 0.0F;
      gunits[sample * hidden + s] = gunit[s];
    }
  }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < c; i += threads) {
    float sum = 0.0F;
    for (int s = 0; s < hidden; ++s) {
      sum += gunit[s] * w1[i * hidden + s];
    }
    store(gmeans + sample * c + i, sum);
  }
}

// One layer's weights; a bias is the weight of a further input of ones.
template <typename T>
SEC_DEVICE void add_products(std::int64_t n, std::int64_t index, int in, int out,
                             const T* __restrict__ x,      // (N, In)
                             const float* __restrict__ g,  // (N, Out)
                             float* __restrict__ gw,       // (In, Out)
                             float* __restrict__ gb) {     // (Out)
  const auto i = static_cast<int>(index / out);
  const auto o = static_cast<int>(index % out);
  float sum = 0.0F;
  for (std::int64_t sample = 0; sample < n; ++sample) {
    const float gradient = g[sample * out + o];
    sum += i < in ? load(x + sample * in + i) * gradient : gradient;
  }
  *(i < in ? gw + index : gb + o) += sum;
}

template <typename T>
__global__ void __launch_bounds__(threads) excite_weights(std::int64_t n, int c, int hidden,
                                                          const T* __restrict__ means,        // (N, C)
                                                          const float* __restrict__ units,    // (N, Hid)
                                                          const float* __restrict__ glogits,  // (N, C)
                                                          const float* __restrict__ gunits,   // (N, Hid)
                                                          float* __restrict__ gw1,            // (C, Hid)
                                                          float* __restrict__ gb1,            // (Hid)
                                                          float* __restrict__ gw2,            // (Hid, C)
                                                          float* __restrict__ gb2) {          // (C)
  const std::int64_t index = first_element(1);
  const std::int64_t first = std::int64_t{c + 1} * hidden;
  if (index < first) {
    add_products(n, index, c, hidden, means, gunits, gw1, gb1);
  } else if (index < first + std::int64_t{hidden + 1} * c) {
    add_products(n, index - first, hidden, c, units, glogits, gw2, gb2);
  }
}

// ---- launchers ----

// Bytes of shared memory for one sample.
std::size_t checked_memory(const ExciteShape& s, const char* what) {
  require(s.n >= 0 && s.c > 0 && s.hidden > 0, "{}: expected extents of 1 or more", what);
  const std::int64_t bytes = (s.c + s.hidden) * static_cast<std::int64_t>(sizeof(float));
  require(bytes <= most_shared, "{}: {} channels and {} hidden units are more than a block can hold ({})",
          what, s.c, s.hidden, most_shared / static_cast<std::int64_t>(sizeof(float)));
  return static_cast<std::size_t>(bytes);
}

void forward(Stream& stream, const ExciteShape& s, ConstSpan means, const ExciteWeights& weights, Span hidden,
             Span factors) {
  const std::size_t memory = checked_memory(s, "excite.forward");
  by_type(factors.type, "excite.forward", [&](auto zero) {
    using T = decltype(zero);
    const T* const from = elements<T>(means, s.n * s.c, "excite.forward: means");
    const float* const w1 = elements<float>(weights.w1, s.c * s.hidden, "excite.forward: w1");
    const float* const b1 = elements<float>(weights.b1, s.hidden, "excite.forward: b1");
    const float* const w2 = elements<float>(weights.w2, s.hidden * s.c, "excite.forward: w2");
    const float* const b2 = elements<float>(weights.b2, s.c, "excite.forward: b2");
    float* const units = elements<float>(hidden, s.n * s.hidden, "excite.forward: hidden");
    T* const to = elements<T>(factors, s.n * s.c, "excite.forward: factors");
    if (s.n == 0) {
      return;
    }
    launch<excite<T>>(stream, dim3(blocks_for(s.n, 1)), dim3(threads), memory, to_int(s.c, "excite.forward"),
                      to_int(s.hidden, "excite.forward"), from, w1, b1, w2, b2, units, to);
  });
}

void backward(Stream& stream, const ExciteShape& s, ConstSpan means, const ExciteWeights& weights,
              ConstSpan hidden, ConstSpan factors, ConstSpan gfactors, Span gmeans,
              const ExciteGradients& gradients) {
  const std::size_t memory = checked_memory(s, "excite.backward");
  by_type(gmeans.type, "excite.backward", [&](auto zero) {
    using T = decltype(zero);
    const int c = to_int(s.c, "excite.backward");
    const int units = to_int(s.hidden, "excite.backward");
    const T* const x = elements<T>(means, s.n * s.c, "excite.backward: means");
    const float* const w1 = elements<float>(weights.w1, s.c * s.hidden, "excite.backward: w1");
    const float* const w2 = elements<float>(weights.w2, s.hidden * s.c, "excite.backward: w2");
    const float* const h = elements<float>(hidden, s.n * s.hidden, "excite.backward: hidden");
    const T* const f = elements<T>(factors, s.n * s.c, "excite.backward: factors");
    const T* const gf = elements<T>(gfactors, s.n * s.c, "excite.backward: gfactors");
    T* const gx = elements<T>(gmeans, s.n * s.c, "excite.backward: gmeans");
    float* const gw1 = elements<float>(gradients.w1, s.c * s.hidden, "excite.backward: gw1");
    float* const gb1 = elements<float>(gradients.b1, s.hidden, "excite.backward: gb1");
    float* const gw2 = elements<float>(gradients.w2, s.hidden * s.c, "excite.backward: gw2");
    float* const gb2 = elements<float>(gradients.b2, s.c, "excite.backward: gb2");
    if (s.n == 0) {
      return;
    }
    const Scratch scratch(stream, s.n * (s.c + s.hidden) * static_cast<std::int64_t>(sizeof(float)));
    float* const glogits = scratch.data();
    float* const gunits = glogits + s.n * s.c;
    launch<excite_samples<T>>(stream, dim3(blocks_for(s.n, 1)), dim3(threads), memory, c, units, w1, w2, h, f,
                              gf, glogits, gunits, gx);
    launch<excite_weights<T>>(stream, dim3(blocks_for((s.c + 1) * s.hidden + (s.hidden + 1) * s.c, threads)),
                              dim3(threads), 0, s.n, c, units, x, h, glogits, gunits, gw1, gb1, gw2, gb2);
  });
}

}  // namespace

ExciteKernels excite_kernels() {
  return {.forward = forward, .backward = backward};
}

}  // namespace sec::kernels::SEC_BACKEND
