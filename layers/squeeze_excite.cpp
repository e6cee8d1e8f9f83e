#include "layers/squeeze_excite.h"

#include <algorithm>

#include "engine/ranges.h"
#include "kernels/table.h"
#include "layers/group_name.h"
#include "layers/pointwise.h"
#include "layers/pool.h"
#include "layers/record.h"

namespace sec::layers {
namespace {

kernels::ExciteWeights weights_of(const ExciteOperands& o) {
  return {o.weights[0].get().read(), o.weights[1].get().read(), o.weights[2].get().read(),
          o.weights[3].get().read()};
}

// (N, C) to the same shape: sigmoid(fc2(relu(fc1(means)))).
Var excite(Pass& pass, const SqueezeExcite& layer, const Var& means) {
  const Range range("excite");
  std::vector<kernels::ExciteForward> forward;
  ExciteOperands o = excite_operands(pass, layer, means.value, forward);
  kernels::table(pass.stream).excite.forward_group(pass.stream, forward);
  Tensor factors = o.factors;
  std::vector<Var> inputs = {means};
  inputs.insert(inputs.end(), o.parameters.begin(), o.parameters.end());
  auto backward = [o = std::move(o), stream = pass.stream](const Tensor& gfactors, Gradients& to) mutable {
    std::vector<kernels::ExciteBackward> group;
    Tensor gmeans = excite_backward(o, gfactors, to, 1, group);
    kernels::table(stream).excite.backward_group(stream, group);
    to.add(0, std::move(gmeans));
  };
  return record(pass, "excite", std::move(factors), inputs, std::move(backward));
}

}  // namespace

ExciteOperands excite_operands(Pass& pass, const SqueezeExcite& layer, const Tensor& means,
                               std::vector<kernels::ExciteForward>& group) {
  ExciteOperands o;
  o.shape = {means.shape()[0], layer.fc1.in, layer.fc1.out};
  o.parameters = {use(pass, *layer.fc1.weight), use(pass, *layer.fc1.bias), use(pass, *layer.fc2.weight),
                  use(pass, *layer.fc2.bias)};
  for (const Var& parameter : o.parameters) {
    o.weights.emplace_back(parameter.value);
  }
  o.means = Saved(means);
  Tensor hidden = Tensor::empty({o.shape.n, o.shape.hidden}, DType::f32, pass.stream.device);
  o.factors = Tensor::empty({o.shape.n, o.shape.c}, means.type(), pass.stream.device);
  group.push_back({o.shape, means.read(), weights_of(o), hidden.write(), o.factors.write()});
  o.hidden = Saved(hidden);
  o.kept_factors = Saved(o.factors);
  return o;
}

Tensor excite_backward(const ExciteOperands& o, const Tensor& gfactors, Gradients& to, int first,
                       std::vector<kernels::ExciteBackward>& group) {
  Tensor gmeans = Tensor::empty({o.shape.n, o.shape.c}, gfactors.type(), gfactors.device());
  group.push_back({o.shape,
                   o.means.get().read(),
                   weights_of(o),
                   o.hidden.get().read(),
                   o.kept_factors.get().read(),
                   gfactors.read(),
                   gmeans.write(),
                   {to.sum(first).write(), to.sum(first + 1).write(), to.sum(first + 2).write(),
                    to.sum(first + 3).write()}});
  return gmeans;
}

SqueezeExcite make_squeeze_excite(ParameterSet& set, const std::string& name, std::int64_t channels) {
  const std::int64_t squeezed = std::max<std::int64_t>(channels / 16, 1);
  return {make_linear(set, name + ".fc1", channels, squeezed),
          make_linear(set, name + ".fc2", squeezed, channels)};
}

Var squeeze_excite(Pass& pass, const SqueezeExcite& layer, const Var& x) {
  const Range range("squeeze_excite", [&] { return parent_name(layer.fc1.name); });
  require(x.shape().rank() == 4 && x.shape()[3] == layer.fc1.in,
          "squeeze_excite {}: expected an input (N, L, H, {}), got {}", layer.fc1.name, layer.fc1.in,
          x.shape().text());
  const Var means = global_average_pool(pass, x);    // (N, C)
  return gate(pass, x, excite(pass, layer, means));  // (N, L, H, C)
}

}  // namespace sec::layers
