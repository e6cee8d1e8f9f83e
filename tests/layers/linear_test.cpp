#include "layers/linear.h"

#include <gtest/gtest.h>

#include "tests/layers/check_layer.h"

namespace sec::layers {
namespace {

TEST(Linear, EqualsDoublePrecision) {
  for (const auto& [n, in, out] : {std::tuple{3, 5, 7}, std::tuple{1, 32, 2}, std::tuple{4, 1, 17}}) {
    ParameterSet set;
    const Linear layer = make_linear(set, "fc", in, out);
    check_layer(
        set, {random_array({n, in}, 1)},
        [&](Pass& pass, const std::vector<Var>& inputs) { return linear(pass, layer, inputs[0]); },
        [](const auto& inputs, const plain::Arrays& p) {
          return plain::linear(inputs[0], p.at("fc.weight"), p.at("fc.bias"));
        });
  }
}

TEST(Linear, NamesLayerAndShapesInItsErrors) {
  ParameterSet set;
  const Linear layer = make_linear(set, "fc", 3, 2);
  set.allocate(cpu, 0);
  Pass pass{cpu};
  EXPECT_EQ(error_of([&] {
              linear(pass, layer, Tensor::zeros(cpu, {5, 4}));
            }),
            "linear fc: expected an input (N, 3), got (5, 4)");
}

}  // namespace
}  // namespace sec::layers
