// The fully connected layer.
// Its matrices are tiny: excite layers are 32 x 2 to 256 x 16, the head is 768 x 34, with 64 rows.
// Latency therefore matters most, and many threads share each sum.
//   linear_forward  a sum down the columns of w, weighted by x: threads split the inputs and add up in a tree
//   linear_dgrad    one warp per (sample, input): lanes iterate over a row of w and add up by shuffles
//   linear_wgrad    one thread per weight sums over the samples; the bias is the weight of an input of ones
#include "kernels/cuda/columns.h"
#include "kernels/cuda/parts.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr int threads = 256;
constexpr int warps = threads / 32;

// A segment of `columns` is a sample, whose rows are the rows of w.
template <typename T>
__global__ void __launch_bounds__(column_threads)
    linear_forward(Columns columns,
                   const T* __restrict__ x,         // (N, In)
                   const float* __restrict__ w,     // (In, Out)
                   const float* __restrict__ bias,  // (Out) or null
                   T* __restrict__ y) {             // (N, Out)
  const ColumnTask task = column_task(columns, 1);
  float sum[1] = {};
  if (task.inside) {
    for (std::int64_t i = threadIdx.y; i < columns.rows; i += blockDim.y) {
      sum[0] += load(x + task.segment * columns.rows + i) * w[i * columns.c + task.column];
    }
  }
  add_down(sum);
  if (task.inside && threadIdx.y == 0) {
    store(y + task.segment * columns.c + task.column, sum[0] + (bias != nullptr ? bias[task.column] : 0.0F));
  }
}

template <typename T>
__global__ void __launch_bounds__(threads) linear_dgrad(std::int64_t n, int in, int out,
                                                        const T* __restrict__ gy,     // (N, Out)
                                                        const float* __restrict__ w,  // (In, Out)
                                                        T* __restrict__ gx) {         // (N, In)
  const std::int64_t index = std::int64_t{blockIdx.x} * warps + threadIdx.x / 32;
  if (index >= n * in) {
    return;  // the whole warp returns, so the shuffles below are safe
  }
  const int lane = static_cast<int>(threadIdx.x % 32);
  const T* const gradient = gy + index / in * out;
  const float* const weights = w + index % in * out;
  float sum = 0.0F;
  for (int o = lane; o < out; o += 32) {
    sum += load(gradient + o) * weights[o];
  }
#pragma unroll
  for (int step = 16; step > 0; step /= 2) {
    sum += __shfl_xor_sync(0xffffffffU, sum, step);
  }
  if (lane == 0) {
    store(gx + index, sum);
  }
}

template <typename T>
__global__ void __launch_bounds__(threads) linear_wgrad(std::int64_t n, int in, int out,
                                                        const T* __restrict__ x,      // (N, In)
                                                        const T* __restrict__ gy,     // (N, Out)
                                                        float* __restrict__ gw,       // (In, Out)
                                                        float* __restrict__ gbias) {  // (Out) or null
  const std::int64_t index = first_element(1);
  const int i = static_cast<int>(index / out);
  const int o = static_cast<int>(index % out);
  if (i > in || (i == in && gbias == nullptr)) {
    return;
  }
  float sum = 0.0F;
  for (std::int64_t sample = 0; sample < n; ++sample) {
    const float gradient = load(gy + sample * out + o);
    sum += i < in ? load(x + sample * in + i) * gradient : gradient;
  }
  float* const result = i < in ? gw + index : gbias + o;
  *result += sum;
}

void check(const LinearShape& s) {
  require(s.n >= 0 && s.in > 0 && s.out > 0, "linear: expected extents of 1 or more");
}

void forward(Stream& stream, const LinearShape& s, ConstSpan x, ConstSpan w, ConstSpan bias, Span y) {
  check(s);
  by_type(y.type, "linear.forward", [&](auto zero) {
    using T = decltype(zero);
    const T* const from = elements<T>(x, s.n * s.in, "linear.forward: x");
    const float* const weights = elements<float>(w, s.in * s.out, "linear.forward: w");
    const float* const offsets = elements_or_null<float>(bias, s.out, "linear.forward: bias");
    T* const to = elements<T>(y, s.n * s.out, "linear.forward: y");
    if (s.n == 0) {
      return;
    }
    const Columns columns{s.in, to_int(s.out, "linear.forward"), 1, s.in};
    launch<linear_forward<T>>(stream, column_grid(columns, s.n, 1), column_block(columns.c, 1), 0, columns,
                              from, weights, offsets, to);
  });
}

void dgrad(Stream& stream, const LinearShape& s, ConstSpan gy, ConstSpan w, Span gx) {
  check(s);
  by_type(gx.type, "linear.dgrad", [&](auto zero) {
    using T = decltype(zero);
    const T* const gradient = elements<T>(gy, s.n * s.out, "linear.dgrad: gy");
    const float* const weights = elements<float>(w, s.in * s.out, "linear.dgrad: w");
    T* const to = elements<T>(gx, s.n * s.in, "linear.dgrad: gx");
    if (s.n == 0) {
      return;
    }
    launch<linear_dgrad<T>>(stream, dim3(blocks_for(s.n * s.in, warps)), dim3(threads), 0, s.n,
                            to_int(s.in, "linear.dgrad"), to_int(s.out, "linear.dgrad"), gradient, weights,
                            to);
  });
}

void wgrad(Stream& stream, const LinearShape& s, ConstSpan x, ConstSpan gy, Span gw, Span gbias) {
  check(s);
  by_type(x.type, "linear.wgrad", [&](auto zero) {
    using T = decltype(zero);
    launch<linear_wgrad<T>>(stream, dim3(blocks_for((s.in + 1) * s.out, threads)), dim3(threads), 0, s.n,
                            to_int(s.in, "linear.wgrad"), to_int(s.out, "linear.wgrad"),
                            elements<T>(x, s.n * s.in, "linear.wgrad: x"),
                            elements<T>(gy, s.n * s.out, "linear.wgrad: gy"),
                            elements<float>(gw, s.in * s.out, "linear.wgrad: gw"),
                            elements_or_null<float>(gbias, s.out, "linear.wgrad: gbias"));
  });
}

}  // namespace

LinearKernels linear_kernels() {
  return {.forward = forward, .dgrad = dgrad, .wgrad = wgrad};
}

}  // namespace sec::kernels::SEC_BACKEND
