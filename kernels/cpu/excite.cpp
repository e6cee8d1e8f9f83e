// The excite step: two fully connected layers of a few thousand operations per sample.
// It calls the linear and pointwise kernels.
#include "engine/ranges.h"
#include "kernels/cpu/parts.h"
#include "kernels/operands.h"

namespace sec::kernels::cpu::SEC_ISA {
namespace {

void forward(Stream& stream, const ExciteForward& problem) {
  const auto& [s, means, weights, hidden, factors] = problem;
  const Range range("excite.forward");
  const LinearKernels linear = linear_kernels();
  const PointwiseKernels pointwise = pointwise_kernels();
  linear.forward(stream, {s.n, s.c, s.hidden}, means, weights.w1, weights.b1, hidden);
  pointwise.relu(stream, hidden, hidden);
  linear.forward(stream, {s.n, s.hidden, s.c}, hidden, weights.w2, weights.b2, factors);
  pointwise.sigmoid(stream, factors, factors);
}

void backward(Stream& stream, const ExciteBackward& problem) {
  const auto& [s, means, weights, hidden, factors, gfactors, gmeans, gradients] = problem;
  const Range range("excite.backward");
  if (s.n == 0) {
    return;
  }
  const LinearKernels linear = linear_kernels();
  const PointwiseKernels pointwise = pointwise_kernels();
  const Scratch logits(s.n * s.c);
  const Scratch units(s.n * s.hidden);
  const Span glogits{logits.data(), DType::f32, s.n * s.c};  // gradient of the sigmoid's input
  const Span gunits{units.data(), DType::f32, s.n * s.hidden};
  pointwise.sigmoid_backward(stream, factors, gfactors, glogits);
  linear.dgrad(stream, {s.n, s.hidden, s.c}, glogits, weights.w2, gunits);
  linear.wgrad(stream, {s.n, s.hidden, s.c}, hidden, glogits, gradients.w2, gradients.b2);
  pointwise.relu_backward(stream, hidden, gunits,
                          gunits);  // the ReLU's output is positive where its input was
  linear.dgrad(stream, {s.n, s.c, s.hidden}, gunits, weights.w1, gmeans);
  linear.wgrad(stream, {s.n, s.c, s.hidden}, means, gunits, gradients.w1, gradients.b1);
}

void forward_group(Stream& stream, std::span<const ExciteForward> group) {
  for (const ExciteForward& problem : group) {
    forward(stream, problem);
  }
}

void backward_group(Stream& stream, std::span<const ExciteBackward> group) {
  for (const ExciteBackward& problem : group) {
    backward(stream, problem);
  }
}

}  // namespace

ExciteKernels excite_kernels() {
  return {forward_group, backward_group};
}

}  // namespace sec::kernels::cpu::SEC_ISA
