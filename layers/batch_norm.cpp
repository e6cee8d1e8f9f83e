#include "layers/batch_norm.h"

#include <tuple>

#include "engine/ranges.h"
#include "kernels/table.h"
#include "layers/record.h"

namespace sec::layers {

BatchNorm make_batch_norm(ParameterSet& set, const std::string& name, std::int64_t channels) {
  require(channels > 0, "batch_norm {}: expected a positive number of channels, got {}", name, channels);
  BatchNorm layer;
  layer.name = name;
  layer.channels = channels;
  layer.weight = &set.add(name + ".weight", {channels}, Initial::constant(1));
  layer.bias = &set.add(name + ".bias", {channels}, Initial::constant(0));
  layer.running_mean = &set.add_state(name + ".running_mean", {channels}, 0);
  layer.running_variance = &set.add_state(name + ".running_var", {channels}, 1);
  return layer;
}

std::pair<Tensor, Tensor> batch_statistics(Pass& pass, const Tensor& x) {
  const kernels::BatchNormShape shape{x.count() / x.extent(3), x.extent(3)};
  Tensor mean = Tensor::empty({shape.c}, DType::f32, pass.stream.device);
  Tensor variance = Tensor::empty({shape.c}, DType::f32, pass.stream.device);
  kernels::table(pass.stream)
      .batch_norm.statistics(pass.stream, shape, x.read(), mean.write(), variance.write());
  return {mean, variance};
}

kernels::RunningUpdate running_update(const BatchNorm& layer, const Tensor& x, const Tensor& mean,
                                      const Tensor& variance) {
  const kernels::BatchNormShape shape{x.count() / layer.channels, layer.channels};
  require(shape.rows > 1, "batch_norm {}: training needs more than one value per channel, got an input {}",
          layer.name, x.shape().text());
  return {shape,
          layer.momentum,
          mean.read(),
          variance.read(),
          layer.running_mean->value.write(),
          layer.running_variance->value.write()};
}

void check_input(const BatchNorm& layer, const Var& x) {
  require(x.shape().rank() == 4 && x.shape()[3] == layer.channels,
          "batch_norm {}: expected an input (N, L, H, {}), got {}", layer.name, layer.channels,
          x.shape().text());
}

Var batch_norm(Pass& pass, const BatchNorm& layer, const Var& x) {
  const Range range("batch_norm", layer.name);
  check_input(layer, x);
  const kernels::BatchNormShape shape{x.value.count() / layer.channels, layer.channels};
  const kernels::BatchNormKernels& kernel = kernels::table(pass.stream).batch_norm;
  const Var weight = use(pass, *layer.weight);
  const Var bias = use(pass, *layer.bias);

  Tensor mean = layer.running_mean->value;          // (C)
  Tensor variance = layer.running_variance->value;  // (C)
  if (pass.training) {
    std::tie(mean, variance) = batch_statistics(pass, x.value);
    kernel.update_running(pass.stream, running_update(layer, x.value, mean, variance));
  }
  Tensor y = Tensor::empty(x.shape(), x.value.type(), pass.stream.device);
  kernel.apply(pass.stream, shape, layer.epsilon, x.value.read(), mean.read(), variance.read(),
               weight.value.read(), bias.value.read(), y.write());
  auto backward = [shape, epsilon = layer.epsilon, stream = pass.stream, training = pass.training,
                   x = saved(pass, x.value), mean = saved(pass, mean), variance = saved(pass, variance),
                   weight = saved(pass, weight.value)](const Tensor& gy, Gradients& inputs) mutable {
    Tensor gx = Tensor::empty(gy.shape(), gy.type(), stream.device);
    kernels::table(stream).batch_norm.backward(stream, shape, epsilon, x.get().read(), gy.read(),
                                               mean.get().read(), variance.get().read(), weight.get().read(),
                                               gx.write(), inputs.sum(1).write(), inputs.sum(2).write());
    if (!training) {  // running statistics are constants, so y is linear in x: gx = gy * weight / deviation
      const Tensor zero = Tensor::zeros(stream, mean.get().shape());
      kernels::table(stream).batch_norm.apply(stream, shape, epsilon, gy.read(), zero.read(),
                                              variance.get().read(), weight.get().read(), zero.read(),
                                              gx.write());
    }
    inputs.add(0, std::move(gx));
  };
  return record(pass, "batch_norm", std::move(y), {x, weight, bias}, std::move(backward));
}

}  // namespace sec::layers
