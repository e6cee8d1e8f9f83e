#include "layers/loss.h"

#include "engine/ranges.h"
#include "kernels/table.h"
#include "layers/record.h"

namespace sec::layers {
namespace {

kernels::LossShape checked(const char* name, const Var& logits) {
  require(logits.shape().rank() == 2 && logits.shape()[0] > 0 && logits.shape()[1] > 0,
          "{}: expected logits (N, classes), got {}", name, logits.shape().text());
  return {logits.shape()[0], logits.shape()[1]};
}

void require_shape(const char* name, const char* what, const Tensor& tensor, const Shape& expected) {
  require(tensor.defined() && tensor.shape() == expected, "{}: expected {} {}, got {}", name, what,
          expected.text(), tensor.defined() ? tensor.shape().text() : "none");
}

void require_weights(const char* name, const Tensor& weights, std::int64_t classes) {
  if (weights.defined()) {
    require_shape(name, "class weights", weights, {classes});
  }
}

// A loss kernel computes the loss and the gradient of the logits in one pass over the logits.
// The backward pass only multiplies that gradient by the gradient of the loss.
Var recorded(Pass& pass, const char* name, const Var& logits, Tensor loss, const Tensor& glogits) {
  auto backward = [stream = pass.stream, glogits = saved(pass, glogits)](const Tensor& gloss,
                                                                         Gradients& inputs) mutable {
    Tensor scaled = Tensor::empty(glogits.get().shape(), DType::f32, stream.device);
    const kernels::GateShape shape{1, scaled.count(), 1};  // one factor for all elements of the gradient
    kernels::table(stream).pointwise.gate(stream, shape, glogits.get().read(), gloss.read(), scaled.write());
    inputs.add(0, std::move(scaled));
  };
  return record(pass, name, std::move(loss), {logits}, std::move(backward));
}

}  // namespace

Var softmax_cross_entropy(Pass& pass, float smoothing, const Var& logits, const Tensor& labels,
                          const Tensor& class_weights) {
  constexpr const char* name = "softmax_cross_entropy";
  const Range range(name);
  const kernels::LossShape shape = checked(name, logits);
  require_shape(name, "labels", labels, {shape.n});
  require_weights(name, class_weights, shape.classes);
  require(smoothing >= 0 && smoothing <= 1, "{}: expected a smoothing in [0, 1], got {}", name, smoothing);
  Tensor loss = Tensor::empty({1}, DType::f32, pass.stream.device);
  Tensor glogits = Tensor::empty(logits.shape(), DType::f32, pass.stream.device);
  kernels::table(pass.stream)
      .loss.softmax_cross_entropy(pass.stream, shape, smoothing, logits.value.read(), labels.read(),
                                  class_weights.read(), loss.write(), glogits.write());
  return recorded(pass, name, logits, std::move(loss), glogits);
}

Var bce_with_logits(Pass& pass, const Var& logits, const Tensor& targets, const Tensor& positive_weights) {
  constexpr const char* name = "bce_with_logits";
  const Range range(name);
  const kernels::LossShape shape = checked(name, logits);
  require_shape(name, "targets", targets, logits.shape());
  require_weights(name, positive_weights, shape.classes);
  Tensor loss = Tensor::empty({1}, DType::f32, pass.stream.device);
  Tensor glogits = Tensor::empty(logits.shape(), DType::f32, pass.stream.device);
  kernels::table(pass.stream)
      .loss.bce_with_logits(pass.stream, shape, logits.value.read(), targets.read(), positive_weights.read(),
                            loss.write(), glogits.write());
  return recorded(pass, name, logits, std::move(loss), glogits);
}

Var focal_loss(Pass& pass, float alpha, float gamma, const Var& logits, const Tensor& targets) {
  constexpr const char* name = "focal_loss";
  const Range range(name);
  const kernels::LossShape shape = checked(name, logits);
  require_shape(name, "targets", targets, logits.shape());
  require(alpha >= 0 && alpha <= 1 && gamma >= 0,
          "{}: expected alpha in [0, 1] and gamma of at least 0, got {} and {}", name, alpha, gamma);
  Tensor loss = Tensor::empty({1}, DType::f32, pass.stream.device);
  Tensor glogits = Tensor::empty(logits.shape(), DType::f32, pass.stream.device);
  kernels::table(pass.stream)
      .loss.focal(pass.stream, shape, alpha, gamma, logits.value.read(), targets.read(), loss.write(),
                  glogits.write());
  return recorded(pass, name, logits, std::move(loss), glogits);
}

}  // namespace sec::layers
