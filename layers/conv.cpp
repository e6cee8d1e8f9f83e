#include "layers/conv.h"

#include "engine/ranges.h"
#include "kernels/table.h"

namespace sec::layers {

kernels::ConvShape Conv::shape(std::int64_t n, std::int64_t l, std::int64_t h) const {
  return {n, l, h, options.c_in, options.c_out, options.k, options.stride, options.pad};
}

Conv make_conv(ParameterSet& set, const std::string& name, const ConvOptions& options) {
  const auto& [c_in, c_out, k, stride, pad, bias] = options;
  require(c_in > 0 && c_out > 0 && k > 0 && stride > 0 && pad >= 0,
          "conv {}: channels {} -> {}, kernel {}, stride {} must be positive, padding {} not negative", name,
          c_in, c_out, k, stride, pad);
  Conv layer{name, nullptr, nullptr, options};
  layer.weight = &set.add(name + ".weight", {k, c_in, c_out}, Initial::kaiming(k * c_in));
  if (bias) {
    layer.bias = &set.add(name + ".bias", {c_out}, Initial::constant(0));
  }
  return layer;
}

Var conv(Pass& pass, const Conv& layer, const Var& x) {
  const Range range("conv");
  const ConvOptions& o = layer.options;
  require(x.shape().rank() == 4 && x.shape()[3] == o.c_in, "conv {}: expected an input (N, L, H, {}), got {}",
          layer.name, o.c_in, x.shape().text());
  require(x.shape()[1] + 2 * o.pad >= o.k, "conv {}: {} taps with padding {} do not fit an input {}",
          layer.name, o.k, o.pad, x.shape().text());
  const kernels::ConvShape shape = layer.shape(x.shape()[0], x.shape()[1], x.shape()[2]);
  Tensor y =
      Tensor::empty({shape.n, shape.l_out(), shape.h, shape.c_out}, x.value.type(), pass.stream.device);
  const Var weight = use(pass, *layer.weight);
  const Var bias = layer.bias != nullptr ? use(pass, *layer.bias) : Var();
  kernels::on(pass.stream)
      .conv.forward(pass.stream, shape, x.value.read(), weight.value.read(), bias.value.read(), y.write());
  if (pass.tape == nullptr) {
    return y;
  }
  auto backward = [shape, stream = pass.stream, x = Saved(x.value), weight = Saved(weight.value)](
                      const Tensor& gy, Gradients& inputs) mutable {
    const kernels::ConvKernels& kernel = kernels::on(stream).conv;
    if (inputs.wanted(0)) {
      Tensor gx = Tensor::empty({shape.n, shape.l, shape.h, shape.c_in}, gy.type(), stream.device);
      kernel.dgrad(stream, shape, gy.read(), weight.get().read(), gx.write());
      inputs.add(0, std::move(gx));
    }
    const Span gbias = inputs.wanted(2) ? inputs.sum(2).write() : Span();
    kernel.wgrad(stream, shape, x.get().read(), gy.read(), inputs.sum(1).write(), gbias);
  };
  return pass.tape->record("conv", std::move(y), {x, weight, bias}, std::move(backward));
}

}  // namespace sec::layers
