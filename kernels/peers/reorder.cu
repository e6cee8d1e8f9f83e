#include "kernels/peers/reorder.h"

#include "kernels/cuda/conv.h"
#include "kernels/cuda/elements.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr int threads = 256;

// A filter's extents. Kernels use one thread per weight, in cuDNN's order.
struct Filter {
  std::int64_t k, c_in, c_out;

  SEC_HOST_DEVICE std::int64_t count() const { return k * c_in * c_out; }
  // The index in (K, Ci, Co) of weight `index` of (Co, K, Ci).
  SEC_HOST_DEVICE std::int64_t ours(std::int64_t index) const {
    const std::int64_t tap_and_input = index % (k * c_in);
    return tap_and_input * c_out + index / (k * c_in);
  }
};

template <typename T>
__global__ void __launch_bounds__(threads)
    cudnn_pack_filter(Filter filter, const float* __restrict__ w, T* __restrict__ to) {
  const std::int64_t index = first_element(1);
  if (index < filter.count()) {
    store(to + index, w[filter.ours(index)]);
  }
}

template <typename T>
__global__ void __launch_bounds__(threads)
    cudnn_add_filter_gradient(Filter filter, const T* __restrict__ from, float* __restrict__ gw) {
  const std::int64_t index = first_element(1);
  if (index < filter.count()) {
    gw[filter.ours(index)] += load(from + index);
  }
}

template <typename T>
__global__ void __launch_bounds__(threads)
    cudnn_add_bias(std::int64_t count, std::int64_t c, const float* __restrict__ bias, T* __restrict__ y) {
  const std::int64_t index = first_element(1);
  if (index < count) {
    store(y + index, load(y + index) + bias[index % c]);
  }
}

__global__ void __launch_bounds__(threads)
    cudnn_unbiased_to_biased(std::int64_t count, float factor, float* __restrict__ x) {
  const std::int64_t index = first_element(1);
  if (index < count) {
    x[index] *= factor;
  }
}

__global__ void __launch_bounds__(threads)
    cudnn_inverse_deviation(std::int64_t count, float epsilon, const float* __restrict__ variance,
                            float* __restrict__ to) {
  const std::int64_t index = first_element(1);
  if (index < count) {
    to[index] = 1.0F / sqrtf(variance[index] + epsilon);
  }
}

}  // namespace

void to_cudnn_filter(Stream& stream, std::int64_t k, std::int64_t c_in, std::int64_t c_out, ConstSpan w,
                     Span to) {
  const Filter filter{k, c_in, c_out};
  by_type(to.type, "to_cudnn_filter", [&](auto zero) {
    using T = decltype(zero);
    launch<cudnn_pack_filter<T>>(stream, dim3(blocks_for(filter.count(), threads)), dim3(threads), 0, filter,
                                 elements<float>(w, filter.count(), "to_cudnn_filter: w"),
                                 elements<T>(to, filter.count(), "to_cudnn_filter: to"));
  });
}

void add_cudnn_filter(Stream& stream, std::int64_t k, std::int64_t c_in, std::int64_t c_out, ConstSpan from,
                      Span gw) {
  const Filter filter{k, c_in, c_out};
  by_type(from.type, "add_cudnn_filter", [&](auto zero) {
    using T = decltype(zero);
    launch<cudnn_add_filter_gradient<T>>(stream, dim3(blocks_for(filter.count(), threads)), dim3(threads), 0,
                                         filter, elements<T>(from, filter.count(), "add_cudnn_filter: from"),
                                         elements<float>(gw, filter.count(), "add_cudnn_filter: gw"));
  });
}

void add_bias(Stream& stream, std::int64_t rows, std::int64_t c, ConstSpan bias, Span y) {
  by_type(y.type, "add_bias", [&](auto zero) {
    using T = decltype(zero);
    launch<cudnn_add_bias<T>>(stream, dim3(blocks_for(rows * c, threads)), dim3(threads), 0, rows * c, c,
                              elements<float>(bias, c, "add_bias: bias"),
                              elements<T>(y, rows * c, "add_bias: y"));
  });
}

void add_bias_gradient_of(Stream& stream, std::int64_t rows, std::int64_t c, ConstSpan gy, Span gbias) {
  add_bias_gradient(stream, rows, c, gy, elements<float>(gbias, c, "bias gradient"));
}

void to_biased(Stream& stream, std::int64_t rows, Span variance) {
  const float factor = static_cast<float>(static_cast<double>(rows - 1) / static_cast<double>(rows));
  launch<cudnn_unbiased_to_biased>(stream, dim3(blocks_for(variance.count, threads)), dim3(threads), 0,
                                   variance.count, factor, variance.as<float>("to_biased"));
}

void inverse_deviation(Stream& stream, float epsilon, ConstSpan variance, Span to) {
  launch<cudnn_inverse_deviation>(stream, dim3(blocks_for(to.count, threads)), dim3(threads), 0, to.count,
                                  epsilon, elements<float>(variance, to.count, "inverse_deviation: variance"),
                                  to.as<float>("inverse_deviation"));
}

}  // namespace sec::kernels::SEC_BACKEND
