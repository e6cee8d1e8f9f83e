#include "layers/conv.h"

#include "engine/ranges.h"
#include "kernels/table.h"
#include "layers/group_name.h"
#include "layers/record.h"

namespace sec::layers {
namespace {

// The data of one convolution that the backward pass needs.
struct Operands {
  kernels::ConvShape shape;
  Saved x, weight;
};

// The inputs of `to` are x, weight and bias of the first convolution, then of the second, and so on.
void run_backward(Stream& stream, const std::vector<Operands>& operands, const std::vector<Tensor>& gy,
                  Gradients& to) {
  std::vector<Tensor> gx(operands.size());
  std::vector<kernels::ConvDgrad> dgrad;
  std::vector<kernels::ConvWgrad> wgrad;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const auto& [s, x, weight] = operands[i];
    const int first = 3 * static_cast<int>(i);
    if (!gy[i].defined()) {
      continue;  // this output does not contribute to the loss
    }
    if (to.wanted(first)) {
      gx[i] = Tensor::empty({s.n, s.l, s.h, s.c_in}, gy[i].type(), stream.device);
      dgrad.push_back({s, gy[i].read(), weight.get().read(), gx[i].write()});
    }
    wgrad.push_back({s, x.get().read(), gy[i].read(), to.sum(first + 1).write(),
                     to.wanted(first + 2) ? to.sum(first + 2).write() : Span()});
  }
  const kernels::ConvKernels& kernel = kernels::table(stream).conv;
  kernel.dgrad_group(stream, dgrad);
  kernel.wgrad_group(stream, wgrad);
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (gx[i].defined()) {
      to.add(3 * static_cast<int>(i), std::move(gx[i]));
    }
  }
}

}  // namespace

kernels::ConvShape checked_shape(const Conv& layer, const Shape& x) {
  const ConvOptions& o = layer.options;
  require(x.rank() == 4 && x[3] == o.c_in, "conv {}: expected an input (N, L, H, {}), got {}", layer.name,
          o.c_in, x.text());
  require(x[1] + 2 * o.pad >= o.k, "conv {}: {} taps with padding {} do not fit an input {}", layer.name, o.k,
          o.pad, x.text());
  return layer.shape(x[0], x[1], x[2]);
}

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
  return convs(pass, {&layer}, {x})[0];
}

std::vector<Var> convs(Pass& pass, const std::vector<const Conv*>& layers, const std::vector<Var>& x) {
  const Range range("conv",
                    [&] { return group_name(layers, [](const Conv* layer) { return layer->name; }); });
  require(layers.size() == x.size(), "conv: {} layers for {} inputs", layers.size(), x.size());
  std::vector<Tensor> y;
  std::vector<Var> inputs;  // x, weight and bias of each convolution
  std::vector<kernels::ConvForward> group;
  std::vector<Operands> operands;
  std::vector<TimeWindow> windows;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const Conv& layer = *layers[i];
    const kernels::ConvShape shape = checked_shape(layer, x[i].shape());
    require_once(layers, "conv", layer.name,
                 [&](const Conv* other) { return other->weight == layer.weight; });
    y.push_back(
        Tensor::empty({shape.n, shape.l_out(), shape.h, shape.c_out}, x[i].value.type(), pass.stream.device));
    inputs.insert(inputs.end(),
                  {x[i], use(pass, *layer.weight), layer.bias != nullptr ? use(pass, *layer.bias) : Var()});
    group.push_back(
        {shape, x[i].value.read(), layer.weight->value.read(), inputs.back().value.read(), y.back().write()});
    operands.push_back({shape, saved(pass, x[i].value), saved(pass, layer.weight->value)});
    windows.push_back({shape.k, shape.stride, shape.pad});
  }
  kernels::table(pass.stream).conv.forward_group(pass.stream, group);
  auto backward = [operands = std::move(operands), stream = pass.stream](const std::vector<Tensor>& gy,
                                                                         Gradients& to) mutable {
    run_backward(stream, operands, gy, to);
  };
  return record_group(pass, "conv", std::move(y), inputs, std::move(backward), windows);
}

}  // namespace sec::layers
