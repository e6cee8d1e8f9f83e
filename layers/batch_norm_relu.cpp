#include "layers/batch_norm_relu.h"

#include <tuple>

#include "engine/ranges.h"
#include "kernels/table.h"
#include "layers/pointwise.h"
#include "layers/record.h"

namespace sec::layers {

VarWithStats batch_norm_relu(Pass& pass, const BatchNorm& layer, const Var& x, Next next) {
  const kernels::BatchNormKernels& kernel = kernels::table(pass.stream).batch_norm;
  const bool records_inference = !pass.training && pass.tape != nullptr;  // the fused gradient is of training
  if (!pass.fused || records_inference || kernel.apply_relu == nullptr) {
    return relu(pass, batch_norm(pass, layer, x));
  }
  const Range range("batch_norm_relu", layer.name);
  check_input(layer, x);
  const Device device = pass.stream.device;
  const kernels::BatchNormShape shape{x.value.count() / layer.channels, layer.channels};
  const Var weight = use(pass, *layer.weight);
  const Var bias = use(pass, *layer.bias);
  Tensor mean = layer.running_mean->value;          // (C)
  Tensor variance = layer.running_variance->value;  // (C)
  if (pass.training) {
    std::tie(mean, variance) = batch_statistics(pass, x.value);
    kernel.update_running(pass.stream, running_update(layer, x.value, mean, variance));
  }
  VarWithStats y;
  y.value = Tensor::empty(x.shape(), x.value.type(), device);
  const bool measured = pass.training && next == Next::batch_norm;
  if (measured) {
    y.mean = Tensor::empty({shape.c}, DType::f32, device);
    y.variance = Tensor::empty({shape.c}, DType::f32, device);
  }
  kernel.apply_relu(pass.stream, shape, layer.epsilon, x.value.read(), mean.read(), variance.read(),
                    weight.value.read(), bias.value.read(), y.value.write(),
                    measured ? y.mean.write() : Span(), measured ? y.variance.write() : Span());
  auto backward = [shape, epsilon = layer.epsilon, stream = pass.stream, x = saved(pass, x.value),
                   mean = saved(pass, mean), variance = saved(pass, variance),
                   weight = saved(pass, weight.value),
                   bias = saved(pass, bias.value)](const Tensor& gy, Gradients& inputs) mutable {
    Tensor gx = Tensor::empty(gy.shape(), gy.type(), stream.device);
    kernels::table(stream).batch_norm.backward_relu(
        stream, shape, epsilon, x.get().read(), gy.read(), mean.get().read(), variance.get().read(),
        weight.get().read(), bias.get().read(), gx.write(), inputs.sum(1).write(), inputs.sum(2).write());
    inputs.add(0, std::move(gx));
  };
  y.node = record(pass, "batch_norm_relu", y.value, {x, weight, bias}, std::move(backward)).node;
  return y;
}

}  // namespace sec::layers
