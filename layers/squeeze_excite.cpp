#include "layers/squeeze_excite.h"

#include <algorithm>

#include "engine/ranges.h"
#include "layers/pointwise.h"
#include "layers/pool.h"

namespace sec::layers {

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
  const Var means = global_average_pool(pass, x);                      // (N, C)
  const Var hidden = relu(pass, linear(pass, layer.fc1, means));       // (N, C / 16)
  const Var factors = sigmoid(pass, linear(pass, layer.fc2, hidden));  // (N, C)
  return gate(pass, x, factors);                                       // (N, L, H, C)
}

}  // namespace sec::layers
