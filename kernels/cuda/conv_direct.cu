// Convolution, version 1: a thread per result, straight from global memory. Every product loads two operands,
// which the caches serve: 4 bytes a flop, against the 0.1 that a GPU can feed its units. What the other
// versions are compared with, and the one that computes every shape.
#include "kernels/cuda/conv.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr int threads = 256;

template <typename T, bool transposed>
__global__ void __launch_bounds__(threads) correlate(Correlations group) {
  const Correlation& s = group.problem[blockIdx.z];
  const std::int64_t index = first_element(1);
  const std::int64_t row = index / s.out_channels;
  if (row >= s.rows()) {
    return;
  }
  const int o = static_cast<int>(index % s.out_channels);
  const int h = static_cast<int>(row % s.h);
  const int u = static_cast<int>(row / s.h % s.count);
  const std::int64_t sample = row / s.h / s.count;
  const T* const in = static_cast<const T*>(s.in) + sample * s.in_length * s.h * s.in_channels;
  float sum = s.bias != nullptr ? s.bias[o] : 0.0F;
  for (int m = 0; m < s.taps; ++m) {
    const int t = u * s.in_step + m - s.pad;
    if (t < 0 || t >= s.in_length) {
      continue;
    }
    const T* const from = in + (static_cast<std::int64_t>(t) * s.h + h) * s.in_channels;
    for (int i = 0; i < s.in_channels; ++i) {
      sum += load(from + i) * weight_at(s, transposed, m, i, o);
    }
  }
  const std::int64_t step = static_cast<std::int64_t>(u) * s.out_step + s.out_first;
  store(static_cast<T*>(s.out) + ((sample * s.out_length + step) * s.h + h) * s.out_channels + o, sum);
}

// A thread per weight and part: blockIdx.y is the part.
template <typename T>
__global__ void __launch_bounds__(threads) sum_part(WeightGradients group) {
  const WeightGradient& s = group.problem[blockIdx.z];
  const std::int64_t index = first_element(1);
  const std::int64_t begin = std::int64_t{blockIdx.y} * s.part_rows;
  if (index >= s.weights() || begin >= s.rows()) {
    return;
  }
  const int o = static_cast<int>(index % s.c_out);
  const int i = static_cast<int>(index / s.c_out % s.c_in);
  const int j = static_cast<int>(index / s.c_out / s.c_in);
  const T* const x = static_cast<const T*>(s.x) + i;
  const T* const gy = static_cast<const T*>(s.gy) + o;
  float sum = 0.0F;
  for (std::int64_t row = begin; row < min(begin + s.part_rows, s.rows()); ++row) {
    const int h = static_cast<int>(row % s.h);
    const int t = static_cast<int>(row / s.h % s.l_out) * s.stride + j - s.pad;
    if (t >= 0 && t < s.l) {
      const std::int64_t sample = row / s.h / s.l_out;
      sum += load(x + ((sample * s.l + t) * s.h + h) * s.c_in) * load(gy + row * s.c_out);
    }
  }
  s.partial[blockIdx.y * s.weights() + index] = sum;
}

}  // namespace

void correlate_direct(Stream& stream, const Correlations& group) {
  std::int64_t most = 0;
  for (int j = 0; j < group.problems; ++j) {
    most = max(most, group.problem[j].rows() * group.problem[j].out_channels);
  }
  const dim3 grid(blocks_for(most, threads), 1, static_cast<unsigned>(group.problems));
  by_type(group.type, "conv", [&](auto zero) {
    using T = decltype(zero);
    if (group.transposed) {
      launch<correlate<T, true>>(stream, grid, dim3(threads), 0, group);
    } else {
      launch<correlate<T, false>>(stream, grid, dim3(threads), 0, group);
    }
  });
}

void cut_direct(WeightGradient& s) {
  s.part_rows = 1024;
  s.parts = ceil_div(s.rows(), s.part_rows);
}

void wgrad_direct(Stream& stream, const WeightGradients& group) {
  std::int64_t weights = 0;
  std::int64_t parts = 0;
  for (int j = 0; j < group.problems; ++j) {
    weights = max(weights, group.problem[j].weights());
    parts = max(parts, group.problem[j].parts);
  }
  const dim3 grid(blocks_for(weights, threads), blocks_for(parts, 1), static_cast<unsigned>(group.problems));
  by_type(group.type, "conv.wgrad",
          [&](auto zero) { launch<sum_part<decltype(zero)>>(stream, grid, dim3(threads), 0, group); });
}

}  // namespace sec::kernels::SEC_BACKEND
