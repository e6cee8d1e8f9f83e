// The two fully connected layers of squeeze-and-excite. One block computes a sample:
// samples are independent, and a sample's numbers fit in shared memory. Several layers share a launch.
//   excite_forward           computes hidden units from channel means, and factors from hidden units
//   excite_backward_samples  computes gradients of the channel means, and stores those of both layers' outputs
//   excite_backward_weights  computes gradients of the weights: each thread sums one weight over the samples
#include <vector>

#include "kernels/cuda/elements.h"
#include "kernels/cuda/launch_batch.h"
#include "kernels/cuda/parts.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr int threads = 256;
constexpr int warps = threads / 32;
constexpr std::int64_t most_shared = 48 * 1024;  // bytes of shared memory per block that need no opt-in

SEC_DEVICE float sum_of_warp(float value) {
#pragma unroll
  for (int step = 16; step > 0; step /= 2) {
    value += __shfl_xor_sync(0xffffffffU, value, step);
  }
  return value;
}

template <typename T>
struct Layer {
  std::int64_t n;
  int c, hidden;
  const T* means;   // (N, C)
  const float* w1;  // (C, Hid)
  const float* b1;  // (Hid)
  const float* w2;  // (Hid, C)
  const float* b2;  // (C)
  float* units;     // (N, Hid)
  T* factors;       // (N, C)
};

template <typename T>
struct LayerBackward {
  std::int64_t n;
  int c, hidden;
  const T* means;      // (N, C)
  const float* w1;     // (C, Hid)
  const float* w2;     // (Hid, C)
  const float* units;  // (N, Hid)
  const T* factors;    // (N, C)
  const T* gfactors;   // (N, C)
  float* glogits;      // (N, C)
  float* gunits;       // (N, Hid)
  T* gmeans;           // (N, C)
  float* gw1;          // (C, Hid)
  float* gb1;          // (Hid)
  float* gw2;          // (Hid, C)
  float* gb2;          // (C)
};

template <typename T>
__global__ void __launch_bounds__(threads) excite_forward(LaunchBatch<Layer<T>> batch) {
  const Layer<T>& layer = batch.problem[blockIdx.z];
  if (blockIdx.x >= layer.n) {  // returns if another problem of the batch has more samples
    return;
  }
  const int c = layer.c;
  const int hidden = layer.hidden;
  const float* const __restrict__ w1 = layer.w1;
  const float* const __restrict__ w2 = layer.w2;
  DYN_SHARED(float, memory);
  float* const mean = memory;      // (C)
  float* const unit = memory + c;  // (Hid)
  const std::int64_t sample = blockIdx.x;
  const int lane = static_cast<int>(threadIdx.x % 32);
  for (int i = static_cast<int>(threadIdx.x); i < c; i += threads) {
    mean[i] = load(layer.means + sample * c + i);
  }
  __syncthreads();
  for (int s = static_cast<int>(threadIdx.x / 32); s < hidden; s += warps) {  // one warp per hidden unit
    float sum = 0.0F;
    for (int i = lane; i < c; i += 32) {
      sum += mean[i] * w1[i * hidden + s];
    }
    sum = sum_of_warp(sum) + layer.b1[s];
    if (lane == 0) {
      unit[s] = sum < 0.0F ? 0.0F : sum;  // this form lets NaN pass
      layer.units[sample * hidden + s] = unit[s];
    }
  }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < c; i += threads) {
    float sum = layer.b2[i];
    for (int s = 0; s < hidden; ++s) {
      sum += unit[s] * w2[s * c + i];
    }
    store(layer.factors + sample * c + i, 1.0F / (1.0F + expf(-sum)));
  }
}

template <typename T>
__global__ void __launch_bounds__(threads) excite_backward_samples(LaunchBatch<LayerBackward<T>> batch) {
  const LayerBackward<T>& layer = batch.problem[blockIdx.z];
  if (blockIdx.x >= layer.n) {
    return;
  }
  const int c = layer.c;
  const int hidden = layer.hidden;
  const float* const __restrict__ w1 = layer.w1;
  const float* const __restrict__ w2 = layer.w2;
  DYN_SHARED(float, memory);
  float* const glogit = memory;     // (C)
  float* const gunit = memory + c;  // (Hid)
  const std::int64_t sample = blockIdx.x;
  const int lane = static_cast<int>(threadIdx.x % 32);
  for (int i = static_cast<int>(threadIdx.x); i < c; i += threads) {
    const float factor = load(layer.factors + sample * c + i);
    glogit[i] = load(layer.gfactors + sample * c + i) * (factor * (1.0F - factor));
    layer.glogits[sample * c + i] = glogit[i];
  }
  __syncthreads();
  for (int s = static_cast<int>(threadIdx.x / 32); s < hidden; s += warps) {
    float sum = 0.0F;
    for (int i = lane; i < c; i += 32) {
      sum += glogit[i] * w2[s * c + i];
    }
    sum = sum_of_warp(sum);
    if (lane == 0) {
      gunit[s] = layer.units[sample * hidden + s] <= 0.0F ? 0.0F : sum;
      layer.gunits[sample * hidden + s] = gunit[s];
    }
  }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < c; i += threads) {
    float sum = 0.0F;
    for (int s = 0; s < hidden; ++s) {
      sum += gunit[s] * w1[i * hidden + s];
    }
    store(layer.gmeans + sample * c + i, sum);
  }
}

// Adds to the gradient of one weight of a layer. The bias is treated as the weight of an extra input of ones.
template <typename T>
SEC_DEVICE void add_weight_gradient(std::int64_t n, std::int64_t index, int in, int out,
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
__global__ void __launch_bounds__(threads) excite_backward_weights(LaunchBatch<LayerBackward<T>> batch) {
  const LayerBackward<T>& s = batch.problem[blockIdx.z];
  const std::int64_t index = first_element(1);
  const std::int64_t first = std::int64_t{s.c + 1} * s.hidden;
  if (index < first) {
    add_weight_gradient(s.n, index, s.c, s.hidden, s.means, s.gunits, s.gw1, s.gb1);
  } else if (index < first + std::int64_t{s.hidden + 1} * s.c) {
    add_weight_gradient(s.n, index - first, s.hidden, s.c, s.units, s.glogits, s.gw2, s.gb2);
  }
}

// ---- launchers ----

// Bytes of shared memory for one sample. Throws Error if a block cannot hold them.
std::size_t checked_memory(const ExciteShape& s, const char* what) {
  require(s.n >= 0 && s.c > 0 && s.hidden > 0, "{}: expected extents of 1 or more", what);
  const std::int64_t bytes = (s.c + s.hidden) * static_cast<std::int64_t>(sizeof(float));
  require(bytes <= most_shared, "{}: {} channels and {} hidden units are more than a block can hold ({})",
          what, s.c, s.hidden, most_shared / static_cast<std::int64_t>(sizeof(float)));
  return static_cast<std::size_t>(bytes);
}

// Calls run(T{}, problems) for consecutive problems of one element type. Skips problems without samples.
template <typename Problem, typename TypeOf, typename Run>
void for_each_type(std::span<const Problem> group, const TypeOf& type_of, const char* what, const Run& run) {
  std::vector<Problem> some;
  for (const Problem& problem : group) {
    checked_memory(problem.shape, what);
    if (problem.shape.n > 0) {
      some.push_back(problem);
    }
  }
  for_each_launch(std::span<const Problem>(some), type_of, [&](std::span<const Problem> problems) {
    by_type(type_of(problems.front()), what, [&](auto zero) { run(zero, problems); });
  });
}

template <typename T>
void launch_forward(Stream& stream, std::span<const ExciteForward> group) {
  LaunchBatch<Layer<T>> problems;
  std::int64_t most_samples = 0;
  std::size_t memory = 0;
  for (const ExciteForward& problem : group) {
    const ExciteShape& s = problem.shape;
    problems.add({s.n, to_int(s.c, "excite.forward"), to_int(s.hidden, "excite.forward"),
                  elements<T>(problem.means, s.n * s.c, "excite.forward: means"),
                  elements<float>(problem.weights.w1, s.c * s.hidden, "excite.forward: w1"),
                  elements<float>(problem.weights.b1, s.hidden, "excite.forward: b1"),
                  elements<float>(problem.weights.w2, s.hidden * s.c, "excite.forward: w2"),
                  elements<float>(problem.weights.b2, s.c, "excite.forward: b2"),
                  elements<float>(problem.hidden, s.n * s.hidden, "excite.forward: hidden"),
                  elements<T>(problem.factors, s.n * s.c, "excite.forward: factors")});
    most_samples = max(most_samples, s.n);
    memory = max(memory, checked_memory(s, "excite.forward"));
  }
  launch<excite_forward<T>>(stream,
                            dim3(blocks_for(most_samples, 1), 1, static_cast<unsigned>(problems.problems)),
                            dim3(threads), memory, problems);
}

template <typename T>
void launch_backward(Stream& stream, std::span<const ExciteBackward> group) {
  LaunchBatch<LayerBackward<T>> problems;
  std::vector<DeviceScratch> scratch;
  std::int64_t most_samples = 0;
  std::int64_t most_weights = 0;
  std::size_t memory = 0;
  for (const ExciteBackward& problem : group) {
    const ExciteShape& s = problem.shape;
    scratch.emplace_back(stream, s.n * (s.c + s.hidden) * static_cast<std::int64_t>(sizeof(float)));
    float* const glogits = scratch.back().data();
    problems.add({s.n, to_int(s.c, "excite.backward"), to_int(s.hidden, "excite.backward"),
                  elements<T>(problem.means, s.n * s.c, "excite.backward: means"),
                  elements<float>(problem.weights.w1, s.c * s.hidden, "excite.backward: w1"),
                  elements<float>(problem.weights.w2, s.hidden * s.c, "excite.backward: w2"),
                  elements<float>(problem.hidden, s.n * s.hidden, "excite.backward: hidden"),
                  elements<T>(problem.factors, s.n * s.c, "excite.backward: factors"),
                  elements<T>(problem.gfactors, s.n * s.c, "excite.backward: gfactors"), glogits,
                  glogits + s.n * s.c, elements<T>(problem.gmeans, s.n * s.c, "excite.backward: gmeans"),
                  elements<float>(problem.gradients.w1, s.c * s.hidden, "excite.backward: gw1"),
                  elements<float>(problem.gradients.b1, s.hidden, "excite.backward: gb1"),
                  elements<float>(problem.gradients.w2, s.hidden * s.c, "excite.backward: gw2"),
                  elements<float>(problem.gradients.b2, s.c, "excite.backward: gb2")});
    most_samples = max(most_samples, s.n);
    most_weights = max(most_weights, (s.c + 1) * s.hidden + (s.hidden + 1) * s.c);
    memory = max(memory, checked_memory(s, "excite.backward"));
  }
  const auto count = static_cast<unsigned>(problems.problems);
  launch<excite_backward_samples<T>>(stream, dim3(blocks_for(most_samples, 1), 1, count), dim3(threads),
                                     memory, problems);
  launch<excite_backward_weights<T>>(stream, dim3(blocks_for(most_weights, threads), 1, count), dim3(threads),
                                     0, problems);
}

void forward_group(Stream& stream, std::span<const ExciteForward> group) {
  const auto type_of = [](const ExciteForward& problem) { return problem.factors.type; };
  for_each_type(group, type_of, "excite.forward",
                [&](auto zero, auto problems) { launch_forward<decltype(zero)>(stream, problems); });
}

void backward_group(Stream& stream, std::span<const ExciteBackward> group) {
  const auto type_of = [](const ExciteBackward& problem) { return problem.gmeans.type; };
  for_each_type(group, type_of, "excite.backward",
                [&](auto zero, auto problems) { launch_backward<decltype(zero)>(stream, problems); });
}

}  // namespace

ExciteKernels excite_kernels() {
  return {.forward_group = forward_group, .backward_group = backward_group};
}

}  // namespace sec::kernels::SEC_BACKEND
