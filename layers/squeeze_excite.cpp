#include "layers/squeeze_excite.h"

#include <algorithm>

#include "engine/ranges.h"
#include "kernels/table.h"
#include "layers/pointwise.h"
#include "layers/pool.h"

namespace sec::layers {
namespace {

// (N, C) to the same shape: sigmoid(fc2(relu(fc1(means)))).
Var excite(Pass& pass, const SqueezeExcite& layer, const Var& means) {
  const kernels::ExciteShape shape{means.shape()[0], layer.fc1.in, layer.fc1.out};
  const Var w1 = use(pass, *layer.fc1.weight);
  const Var b1 = use(pass, *layer.fc1.bias);
  const Var w2 = use(pass, *layer.fc2.weight);
  const Var b2 = use(pass, *layer.fc2.bias);
  Tensor hidden = Tensor::empty({shape.n, shape.hidden}, DType::f32, pass.stream.device);
  Tensor factors = Tensor::empty({shape.n, shape.c}, means.value.type(), pass.stream.device);
  kernels::on(pass.stream)
      .excite.forward(pass.stream, shape, means.value.read(),
                      {w1.value.read(), b1.value.read(), w2.value.read(), b2.value.read()}, hidden.write(),
                      factors.write());
  if (pass.tape == nullptr) {
    return factors;
  }
  auto backward = [shape, stream = pass.stream, means = Saved(means.value), w1 = Saved(w1.value),
                   b1 = Saved(b1.value), w2 = Saved(w2.value), b2 = Saved(b2.value), hidden = Saved(hidden),
                   factors = Saved(factors)](const Tensor& gfactors, Gradients& inputs) mutable {
    Tensor gmeans = Tensor::empty({shape.n, shape.c}, gfactors.type(), stream.device);
    kernels::on(stream).excite.backward(
        stream, shape, means.get().read(),
        {w1.get().read(), b1.get().read(), w2.get().read(), b2.get().read()}, hidden.get().read(),
        factors.get().read(), gfactors.read(), gmeans.write(),
        {inputs.sum(1).write(), inputs.sum(2).write(), inputs.sum(3).write(), inputs.sum(4).write()});
    if (inputs.wanted(0)) {
      inputs.add(0, std::move(gmeans));
    }
  };
  return pass.tape->record("excite", std::move(factors), {means, w1, b1, w2, b2}, std::move(backward));
}

}  // namespace

SqueezeExcite make_squeeze_excite(ParameterSet& set, const std::string& name, std::int64_t channels) {
  const std::int64_t squeezed = std::max<std::int64_t>(channels / 16, 1);
  return {make_linear(set, name + ".fc1", channels, squeezed),
          make_linear(set, name + ".fc2", squeezed, channels)};
}

Var squeeze_excite(Pass& pass, const SqueezeExcite& layer, const Var& x) {
  const Range range("squeeze_excite");
  require(x.shape().rank() == 4 && x.shape()[3] == layer.fc1.in,
          "squeeze_excite {}: expected an input (N, L, H, {}), got {}", layer.fc1.name, layer.fc1.in,
          x.shape().text());
  const Var means = global_average_pool(pass, x);    // (N, C)
  return gate(pass, x, excite(pass, layer, means));  // (N, L, H, C)
}

}  // namespace sec::layers
