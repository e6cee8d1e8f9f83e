// Convolution, version 1: one thread per output element, operands read straight from global memory.
//
// This is the plain kernel to read first, and the baseline of the faster versions. It supports every shape.
// Every multiply-add loads two floats, mostly from the caches: 4 bytes per flop.
// From memory a GPU can deliver about 0.1 bytes per flop.
//
// conv.h explains ConvProblem: forward and the gradient of the input sum over taps and input channels alike.
// They differ only in strides, in padding and in the order of the weights' axes.
#include "kernels/cuda/conv.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr int threads = 256;

template <typename T, typename Pass>
__global__ void __launch_bounds__(threads) conv_direct(ConvBatch batch) {
  const ConvProblem& s = batch.problem[blockIdx.z];  // one layer; several layers can share a launch
  const std::int64_t index = first_element(1);       // index in the output: (row, output channel)
  const std::int64_t row = index / s.out_channels;
  if (row >= s.rows()) {
    return;
  }
  const int o = static_cast<int>(index % s.out_channels);
  const ConvPosition at = position_of(s, row);
  const T* const in = static_cast<const T*>(s.in) + at.sample * s.in_length * s.h * s.in_channels;
  float sum = s.bias != nullptr ? s.bias[o] : 0.0F;
  for (int m = 0; m < s.taps; ++m) {
    const int t = at.u * s.in_step + m - s.pad;  // the input time step under tap m
    if (t < 0 || t >= s.in_length) {
      continue;
    }
    const T* const from = in + (static_cast<std::int64_t>(t) * s.h + at.h) * s.in_channels;
    for (int i = 0; i < s.in_channels; ++i) {
      sum += load(from + i) * weight_at(s, Pass::transposed, m, i, o);
    }
  }
  store_result<T>(s, at, o, sum);
}

// One thread per part of the rows (blockIdx.y) and weight (tap j, input channel i, output channel o).
template <typename T>
__global__ void __launch_bounds__(threads) conv_wgrad_direct(WgradBatch batch) {
  const WgradProblem& s = batch.problem[blockIdx.z];
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

void run_direct(Stream& stream, const ConvBatch& batch) {
  const std::int64_t most = largest(batch, [](const ConvProblem& s) { return s.rows() * s.out_channels; });
  const dim3 grid(blocks_for(most, threads), 1, static_cast<unsigned>(batch.problems));
  by_type_and_pass(batch, [&](auto zero, auto pass) {
    launch<conv_direct<decltype(zero), decltype(pass)>>(stream, grid, dim3(threads), 0, batch);
  });
}

void cut_direct(WgradProblem& s, DType /*type*/) {
  s.part_rows = 1024;
  s.parts = ceil_div(s.rows(), s.part_rows);
}

void run_wgrad_direct(Stream& stream, const WgradBatch& batch) {
  const dim3 grid = wgrad_grid(batch, [](const WgradProblem& s) { return ceil_div(s.weights(), threads); });
  by_type(batch.type, "conv.wgrad", [&](auto zero) {
    launch<conv_wgrad_direct<decltype(zero)>>(stream, grid, dim3(threads), 0, batch);
  });
}

}  // namespace sec::kernels::SEC_BACKEND
