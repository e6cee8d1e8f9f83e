#include "layers/conv.h"

#include <gtest/gtest.h>

#include "tests/layers/check_layer.h"

namespace sec::layers {
namespace {

struct Case {
  Shape x;
  ConvOptions options;
};

class ConvCases : public testing::TestWithParam<Case> {};

TEST_P(ConvCases, EqualsDoublePrecision) {
  const auto& [x, bound] = GetParam();
  const ConvOptions& options = bound;  // lambdas of clang 14 capture no structured bindings
  ParameterSet set;
  const Conv layer = make_conv(set, "c", options);
  check_layer(
      set, {random_array(x, 1)},
      [&](Pass& pass, const std::vector<Var>& in) { return conv(pass, layer, in[0]); },
      [&](const auto& in, const plain::Arrays& p) {
        const plain::Array bias = options.bias ? p.at("c.bias") : plain::Array();
        return plain::conv(in[0], p.at("c.weight"), bias, options.stride, options.pad);
      });
}

INSTANTIATE_TEST_SUITE_P(Shapes, ConvCases,
                         testing::Values(Case{{2, 64, 2, 1}, {1, 4, 50, 2, 0}},   // the stem
                                         Case{{2, 17, 2, 3}, {3, 5, 15, 2, 7}},   // the trunk
                                         Case{{2, 9, 2, 4}, {4, 4, 3, 1, 1}},     // a branch
                                         Case{{2, 7, 1, 18}, {18, 17, 5, 2, 2}},  // 1-D, odd sizes
                                         Case{{1, 1, 1, 4}, {4, 4, 7, 1, 3}},     // shorter than its kernel
                                         Case{{2, 6, 3, 4}, {4, 6, 1, 2, 0, true}}));  // a downsample

TEST(Conv, NamesLayerAndShapesInItsErrors) {
  ParameterSet set;
  const Conv layer = make_conv(set, "stage.conv1", {3, 4, 5, 1, 1});
  set.allocate(cpu, 0);
  Pass pass{cpu};
  const auto apply = [&](const Shape& shape) {
    return error_of([&] { conv(pass, layer, Tensor::zeros(cpu, shape)); });
  };
  EXPECT_EQ(apply({2, 9, 2, 4}), "conv stage.conv1: expected an input (N, L, H, 3), got (2, 9, 2, 4)");
  EXPECT_EQ(apply({2, 9, 3}), "conv stage.conv1: expected an input (N, L, H, 3), got (2, 9, 3)");
  EXPECT_EQ(apply({2, 2, 1, 3}), "conv stage.conv1: 5 taps with padding 1 do not fit an input (2, 2, 1, 3)");
  ParameterSet other;
  EXPECT_NE(error_of([&] { make_conv(other, "c", {3, 0, 5}); }), "");
  EXPECT_NE(error_of([&] { make_conv(other, "c", {3, 4, 5, 0}); }), "");
}

}  // namespace
}  // namespace sec::layers
