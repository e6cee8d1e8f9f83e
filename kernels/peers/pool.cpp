// Average pooling on cuDNN. Max pooling uses our kernels.
// Our backward pass takes the position of each maximum.
// cuDNN's takes the forward pass's operands and results, which the contract does not pass on.
#include "kernels/device_tables.h"
#include "kernels/peers/cudnn.h"
#include "kernels/peers/parts.h"

namespace sec::kernels::peers {
namespace {

class Window {
 public:
  Window(std::int64_t k, std::int64_t stride, std::int64_t pad) {
    const auto operands = fmt::format("a window of {}, stride {}, padding {}", k, stride, pad);
    check(cudnn().CreatePoolingDescriptor(&descriptor_), "cudnnCreatePoolingDescriptor", operands);
    check(cudnn().SetPooling2dDescriptor(descriptor_, CUDNN_POOLING_AVERAGE_COUNT_INCLUDE_PADDING,
                                         CUDNN_PROPAGATE_NAN, static_cast<int>(k), 1, static_cast<int>(pad),
                                         0, static_cast<int>(stride), 1),
          "cudnnSetPooling2dDescriptor", operands);
  }
  ~Window() { cudnn().DestroyPoolingDescriptor(descriptor_); }
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;
  operator cudnnPoolingDescriptor_t() const { return descriptor_; }  // NOLINT(google-explicit-constructor)

 private:
  cudnnPoolingDescriptor_t descriptor_ = nullptr;
};

std::string text(const PoolShape& s, DType type) {
  return fmt::format("{} x ({}, {}, {}, {}), a window of {}, stride {}, padding {}", name_of(type), s.n, s.l,
                     s.h, s.c, s.k, s.stride, s.pad);
}

void average(Stream& stream, const PoolShape& s, ConstSpan x, Span y) {
  if (s.n == 0) {
    return;
  }
  require(x.type == y.type, "kernels cudnn: pool.average: x and y must have one type");
  expect(x, s.n * s.l * s.h * s.c, "pool.average: x");
  expect(y, s.n * s.l_out() * s.h * s.c, "pool.average: y");
  const TensorDescriptor from(x.type, s.n, s.l, s.h, s.c);
  const TensorDescriptor to(y.type, s.n, s.l_out(), s.h, s.c);
  check(cudnn().PoolingForward(cudnn_on(stream), Window(s.k, s.stride, s.pad), &one, from, x.data, &zero, to,
                               y.data),
        "cudnnPoolingForward", text(s, x.type));
}

void average_backward(Stream& stream, const PoolShape& s, ConstSpan gy, Span gx) {
  if (s.n == 0) {
    return;
  }
  require(gy.type == gx.type, "kernels cudnn: pool.average_backward: gy and gx must have one type");
  expect(gx, s.n * s.l * s.h * s.c, "pool.average_backward: gx");
  expect(gy, s.n * s.l_out() * s.h * s.c, "pool.average_backward: gy");
  const TensorDescriptor in(gx.type, s.n, s.l, s.h, s.c);
  const TensorDescriptor out(gy.type, s.n, s.l_out(), s.h, s.c);
  // cuDNN requires y and x of the forward pass but does not read them for averages.
  check(cudnn().PoolingBackward(cudnn_on(stream), Window(s.k, s.stride, s.pad), &one, out, gy.data, out,
                                gy.data, in, gx.data, &zero, in, gx.data),
        "cudnnPoolingBackward", text(s, gx.type));
}

// Global average: one window covers all positions.
PoolShape window_of(const GlobalPoolShape& s) {
  return {.n = s.n, .l = s.positions, .h = 1, .c = s.c, .k = s.positions};
}

void global_average(Stream& stream, const GlobalPoolShape& s, ConstSpan x, Span y) {
  average(stream, window_of(s), x, y);
}

void global_average_backward(Stream& stream, const GlobalPoolShape& s, ConstSpan gy, Span gx) {
  average_backward(stream, window_of(s), gy, gx);
}

}  // namespace

PoolKernels pool_kernels() {
  PoolKernels kernels = cuda::table().pool;
  kernels.average = average;
  kernels.average_backward = average_backward;
  kernels.global_average = global_average;
  kernels.global_average_backward = global_average_backward;
  return kernels;
}

}  // namespace sec::kernels::peers
