#include "layers/conv.h"

#include <gtest/gtest.h>

#include "layers/accumulate.h"
#include "layers/pointwise.h"
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
  const ConvOptions& options = bound;  // clang 14: lambdas cannot capture structured bindings
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

// Three convolutions with different kernels run as one group; the second convolution has no bias.
// Their outputs are added, because check_layer expects a single output.
TEST(Convs, EqualDoublePrecision) {
  ParameterSet set;
  const std::vector<Conv> layers = {make_conv(set, "a", {4, 4, 3, 1, 1, true}),
                                    make_conv(set, "b", {4, 4, 5, 1, 2}),
                                    make_conv(set, "c", {4, 4, 7, 1, 3, true})};
  check_layer(
      set, {random_array({2, 6, 2, 4}, 1), random_array({2, 6, 2, 4}, 2)},
      [&](Pass& pass, const std::vector<Var>& in) {
        const std::vector<Var> y = convs(pass, {&layers[0], &layers[1], &layers[2]}, {in[0], in[1], in[0]});
        return add(pass, add(pass, y[0], y[1]), y[2]);
      },
      [](const auto& in, const plain::Arrays& p) {
        return plain::add(plain::add(plain::conv(in[0], p.at("a.weight"), p.at("a.bias"), 1, 1),
                                     plain::conv(in[1], p.at("b.weight"), {}, 1, 2)),
                          plain::conv(in[0], p.at("c.weight"), p.at("c.bias"), 1, 3));
      });
}

// Outputs and gradients of grouped convolutions are bitwise equal to those of separate ones.
// Only the first `used` outputs contribute to the loss, and unused outputs must not disturb the others.
TEST(Convs, HaveTheBitsOfSeparateOnes) {
  ParameterSet set;
  const std::vector<Conv> layers = {make_conv(set, "a", {32, 32, 3, 2, 1}),
                                    make_conv(set, "b", {32, 32, 5, 2, 2, true}),
                                    make_conv(set, "c", {32, 32, 1, 2, 0, true})};
  set.allocate(cpu, 1);
  const std::vector<Tensor> x = {to_tensor(random_array({2, 31, 2, 32}, 1)),
                                 to_tensor(random_array({2, 31, 2, 32}, 2)),
                                 to_tensor(random_array({2, 31, 2, 32}, 3))};
  const auto run = [&](bool together, std::size_t used) {
    Tensor gradients = set.gradients();
    assign(gradients, plain::Array(gradients.shape()));
    Tape tape(cpu, layers::accumulate);
    Pass pass{cpu, &tape, true};
    std::vector<Var> in, y;
    std::vector<const Conv*> group;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      in.push_back(tape.leaf(x[i]));
      group.push_back(&layers[i]);
      if (!together) {
        y.push_back(conv(pass, layers[i], in[i]));
      }
    }
    y = together ? convs(pass, group, in) : y;
    Var root = relu(pass, y[0]);
    for (std::size_t i = 1; i < used; ++i) {
      root = add(pass, root, relu(pass, y[i]));
    }
    tape.backward(root, to_tensor(random_array(root.shape(), 4)));
    std::vector<std::vector<float>> results = {gradients.to_vector(cpu)};
    for (std::size_t i = 0; i < used; ++i) {
      results.push_back(y[i].value.to_vector(cpu));
      results.push_back(tape.gradient_of(in[i]).to_vector(cpu));
    }
    return results;
  };
  for (const std::size_t used : {1, 2, 3}) {
    EXPECT_EQ(run(true, used), run(false, used)) << used;
  }
}

TEST(Convs, RefuseOneLayerTwice) {
  ParameterSet set;
  const Conv layer = make_conv(set, "stage.conv1", {3, 4, 5, 1, 2});
  set.allocate(cpu, 0);
  Pass pass{cpu};
  const Var x = Tensor::zeros(cpu, {2, 9, 2, 3});
  EXPECT_EQ(error_of([&] {
              convs(pass, {&layer, &layer}, {x, x});
            }),
            "conv stage.conv1: appears twice in one group, whose gradients are computed in parallel");
  EXPECT_EQ(error_of([&] { convs(pass, {&layer}, {x, x}); }), "conv: 1 layers for 2 inputs");
}

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
