// The fully connected layer on cuBLAS. With bf16 activations cuBLAS requires bf16 weights,
// so the weights are rounded first.
#include <optional>

#include "kernels/device_tables.h"
#include "kernels/peers/cublas.h"
#include "kernels/peers/parts.h"
#include "kernels/peers/reorder.h"

namespace sec::kernels::peers {
namespace {

// The weights, converted to the type of the activations.
class Weights {
 public:
  Weights(Stream& stream, const LinearShape& s, ConstSpan w, DType type) : span_(w) {
    expect(w, s.in * s.out, "linear: w");
    if (type != DType::f32) {
      rounded_.emplace(stream, w.count, type);
      cuda::table().pointwise.cast(stream, w, rounded_->span());
      span_ = rounded_->span();
    }
  }
  ConstSpan span() const { return span_; }

 private:
  std::optional<TypedScratch> rounded_;
  ConstSpan span_;
};

void forward(Stream& stream, const LinearShape& s, ConstSpan x, ConstSpan w, ConstSpan bias, Span y) {
  if (s.n == 0) {
    return;
  }
  expect(x, s.n * s.in, "linear.forward: x");
  expect(y, s.n * s.out, "linear.forward: y");
  const Weights weights(stream, s, w, x.type);
  gemm(stream, {.rows = s.n, .columns = s.out, .inner = s.in}, x, weights.span(), y);
  if (!bias.empty()) {
    cuda::add_bias(stream, s.n, s.out, bias, y);
  }
}

void dgrad(Stream& stream, const LinearShape& s, ConstSpan gy, ConstSpan w, Span gx) {
  if (s.n == 0) {
    return;
  }
  expect(gy, s.n * s.out, "linear.dgrad: gy");
  expect(gx, s.n * s.in, "linear.dgrad: gx");
  const Weights weights(stream, s, w, gy.type);
  gemm(stream, {.rows = s.n, .columns = s.in, .inner = s.out, .transpose_b = true}, gy, weights.span(), gx);
}

void wgrad(Stream& stream, const LinearShape& s, ConstSpan x, ConstSpan gy, Span gw, Span gbias) {
  if (s.n == 0) {
    return;
  }
  expect(x, s.n * s.in, "linear.wgrad: x");
  expect(gy, s.n * s.out, "linear.wgrad: gy");
  expect(gw, s.in * s.out, "linear.wgrad: gw");
  gemm(stream, {.rows = s.in, .columns = s.out, .inner = s.n, .transpose_a = true, .beta = 1}, x, gy, gw);
  if (!gbias.empty()) {
    cuda::add_bias_gradient_of(stream, s.n, s.out, gy, gbias);
  }
}

}  // namespace

LinearKernels linear_kernels() {
  return {.forward = forward, .dgrad = dgrad, .wgrad = wgrad};
}

}  // namespace sec::kernels::peers
