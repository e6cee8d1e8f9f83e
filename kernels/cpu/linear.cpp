// A fully connected layer is computed as a convolution with one tap, over the samples as time steps.
#include "engine/ranges.h"
#include "kernels/cpu/parts.h"

namespace sec::kernels::cpu::SEC_ISA {
namespace {

ConvShape as_conv(const LinearShape& shape) {
  return {.n = 1, .l = shape.n, .h = 1, .c_in = shape.in, .c_out = shape.out, .k = 1};
}

void forward(Stream& stream, const LinearShape& shape, ConstSpan x, ConstSpan w, ConstSpan bias, Span y) {
  const Range range("linear.forward");
  if (shape.n > 0) {
    conv_kernels().forward(stream, as_conv(shape), x, w, bias, y);
  }
}

void dgrad(Stream& stream, const LinearShape& shape, ConstSpan gy, ConstSpan w, Span gx) {
  const Range range("linear.dgrad");
  if (shape.n > 0) {
    conv_kernels().dgrad(stream, as_conv(shape), gy, w, gx);
  }
}

void wgrad(Stream& stream, const LinearShape& shape, ConstSpan x, ConstSpan gy, Span gw, Span gbias) {
  const Range range("linear.wgrad");
  if (shape.n > 0) {
    conv_kernels().wgrad(stream, as_conv(shape), x, gy, gw, gbias);
  }
}

}  // namespace

LinearKernels linear_kernels() {
  return {forward, dgrad, wgrad};
}

}  // namespace sec::kernels::cpu::SEC_ISA
