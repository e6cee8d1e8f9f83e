#include "layers/linear.h"

#include "engine/ranges.h"
#include "kernels/table.h"
#include "layers/record.h"

namespace sec::layers {

Linear make_linear(ParameterSet& set, const std::string& name, std::int64_t in, std::int64_t out) {
  require(in > 0 && out > 0, "linear {}: sizes {} -> {} must be positive", name, in, out);
  Linear layer{name, nullptr, nullptr, in, out};
  layer.weight = &set.add(name + ".weight", {in, out}, Initial::kaiming(in));
  layer.bias = &set.add(name + ".bias", {out}, Initial::constant(0));
  return layer;
}

Var linear(Pass& pass, const Linear& layer, const Var& x) {
  const Range range("linear", layer.name);
  require(x.shape().rank() == 2 && x.shape()[1] == layer.in, "linear {}: expected an input (N, {}), got {}",
          layer.name, layer.in, x.shape().text());
  const kernels::LinearShape shape{x.shape()[0], layer.in, layer.out};
  Tensor y = Tensor::empty({shape.n, shape.out}, x.value.type(), pass.stream.device);
  const Var weight = use(pass, *layer.weight);
  const Var bias = use(pass, *layer.bias);
  kernels::table(pass.stream)
      .linear.forward(pass.stream, shape, x.value.read(), weight.value.read(), bias.value.read(), y.write());
  auto backward = [shape, stream = pass.stream, x = saved(pass, x.value), weight = saved(pass, weight.value)](
                      const Tensor& gy, Gradients& inputs) mutable {
    const kernels::LinearKernels& kernel = kernels::table(stream).linear;
    if (inputs.wanted(0)) {
      Tensor gx = Tensor::empty({shape.n, shape.in}, gy.type(), stream.device);
      kernel.dgrad(stream, shape, gy.read(), weight.get().read(), gx.write());
      inputs.add(0, std::move(gx));
    }
    kernel.wgrad(stream, shape, x.get().read(), gy.read(), inputs.sum(1).write(), inputs.sum(2).write());
  };
  return record(pass, "linear", std::move(y), {x, weight, bias}, std::move(backward));
}

}  // namespace sec::layers
