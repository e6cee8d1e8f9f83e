#include "layers/pointwise.h"

#include <gtest/gtest.h>

#include "layers/accumulate.h"
#include "tests/layers/check_layer.h"

namespace sec::layers {
namespace {

TEST(Pointwise, ReluEqualsDoublePrecision) {
  ParameterSet none;
  check_layer(
      none, {random_array({2, 5, 3, 7}, 1)},
      [](Pass& pass, const std::vector<Var>& in) { return relu(pass, in[0]); },
      [](const auto& in, const auto&) { return plain::relu(in[0]); });
}

TEST(Pointwise, ReluHasDerivativeZeroAtZero) {
  Tape tape(cpu, accumulate);
  Pass pass{cpu, &tape, true};
  const Var x = tape.leaf(to_tensor({{4}, {-1, 0, -0.0, 1}}));
  tape.backward(relu(pass, x), to_tensor({{4}, {5, 6, 7, 8}}));
  EXPECT_EQ(tape.gradient_of(x).to_vector(cpu), (std::vector<float>{0, 0, 0, 8}));
}

TEST(Pointwise, SigmoidEqualsDoublePrecision) {
  ParameterSet none;
  check_layer(
      none, {random_array({3, 11}, 1, 3)},
      [](Pass& pass, const std::vector<Var>& in) { return sigmoid(pass, in[0]); },
      [](const auto& in, const auto&) { return plain::sigmoid(in[0]); });
}

TEST(Pointwise, AddEqualsDoublePrecision) {
  ParameterSet none;
  check_layer(
      none, {random_array({2, 5, 1, 3}, 1), random_array({2, 5, 1, 3}, 2)},
      [](Pass& pass, const std::vector<Var>& in) { return add(pass, in[0], in[1]); },
      [](const auto& in, const auto&) { return plain::add(in[0], in[1]); });
}

TEST(Pointwise, SumsGradientsOverABranchAndItsShortcut) {
  ParameterSet none;  // x + relu(x) + relu(x + relu(x)) uses x on four paths
  check_layer(
      none, {random_array({2, 3, 1, 5}, 4)},
      [](Pass& pass, const std::vector<Var>& in) {
        const Var y = add(pass, in[0], relu(pass, in[0]));
        return add(pass, y, relu(pass, y));
      },
      [](const auto& in, const auto&) {
        const plain::Array y = plain::add(in[0], plain::relu(in[0]));
        return plain::add(y, plain::relu(y));
      });
}

TEST(Pointwise, GateEqualsDoublePrecision) {
  ParameterSet none;
  check_layer(
      none, {random_array({2, 3, 2, 5}, 1), random_array({2, 5}, 2)},
      [](Pass& pass, const std::vector<Var>& in) { return gate(pass, in[0], in[1]); },
      [](const auto& in, const auto&) { return plain::gate(in[0], in[1]); });
}

TEST(Pointwise, ConcatEqualsDoublePrecision) {
  ParameterSet none;
  check_layer(
      none, {random_array({4, 3}, 1), random_array({4, 1}, 2), random_array({4, 5}, 3)},
      [](Pass& pass, const std::vector<Var>& in) { return concat(pass, in); },
      [](const auto& in, const auto&) { return plain::concat(in); });
}

TEST(Pointwise, SplitEqualsItsColumns) {
  ParameterSet none;
  check_layer(
      none, {random_array({4, 6}, 1)},
      [](Pass& pass, const std::vector<Var>& in) {
        const std::vector<Var> parts = split(pass, in[0], {2, 0, 1, 3});
        EXPECT_FALSE(parts[1].value.defined());
        return concat(pass, {parts[3], parts[0]});  // parts[2] does not contribute to the loss
      },
      [](const auto& in, const auto&) {
        plain::Array y({4, 5});
        for (std::int64_t n = 0; n < 4; ++n) {
          for (std::int64_t c = 0; c < 5; ++c) {
            y.data[n * 5 + c] = in[0].data[n * 6 + (c + 3) % 6];  // 3, 4, 5, 0, 1
          }
        }
        return y;
      });
}

TEST(Pointwise, ConcatTakesConstantsBesideRecordedTensors) {
  Tape tape(cpu, accumulate);
  Pass pass{cpu, &tape, true};
  const Var x = tape.leaf(to_tensor({{2, 1}, {1, 2}}));
  const Var y = concat(pass, {to_tensor({{2, 2}, {10, 11, 20, 21}}), x});
  EXPECT_EQ(y.value.to_vector(cpu), (std::vector<float>{10, 11, 1, 20, 21, 2}));
  tape.backward(y, to_tensor({{2, 3}, {1, 2, 3, 4, 5, 6}}));
  EXPECT_EQ(tape.gradient_of(x).to_vector(cpu), (std::vector<float>{3, 6}));
}

TEST(Pointwise, ViewSharesMemoryAndGivesTheGradientBack) {
  Tape tape(cpu, accumulate);
  Pass pass{cpu, &tape, true};
  const Var x = tape.leaf(to_tensor(random_array({2, 3, 2, 4}, 1)));
  const Var y = view(pass, x, {2, 3, 1, 8});
  EXPECT_EQ(y.value.read().data, x.value.read().data);
  const plain::Array seed = random_array({2, 3, 1, 8}, 2);
  tape.backward(y, to_tensor(seed));
  EXPECT_EQ(tape.gradient_of(x).shape(), x.shape());
  EXPECT_EQ(to_array(tape.gradient_of(x)).data, seed.data);
}

TEST(Pointwise, NameTheShapesInTheirErrors) {
  Pass pass{cpu};
  const auto zeros = [](const Shape& shape) { return Tensor::zeros(cpu, shape); };
  EXPECT_EQ(error_of([&] {
              add(pass, zeros({2, 3}), zeros({3, 2}));
            }),
            "add: the shapes (2, 3) and (3, 2) differ");
  EXPECT_EQ(error_of([&] {
              gate(pass, zeros({2, 3, 1, 4}), zeros({2, 3}));
            }),
            "gate: expected an input (N, L, H, C) and factors (N, C), got (2, 3, 1, 4) and (2, 3)");
  EXPECT_EQ(error_of([&] {
              concat(pass, {zeros({2, 3}), zeros({3, 3})});
            }),
            "concat: expected tensors (N, C) with equal N, got (3, 3) and (2, 3)");
  EXPECT_NE(error_of([&] { concat(pass, {}); }), "");
  EXPECT_EQ(error_of([&] {
              split(pass, zeros({2, 3}), {1, 1});
            }),
            "split: expected 2 columns in all, got (2, 3)");
  EXPECT_NE(error_of([&] { view(pass, zeros({2, 3}), {7}); }), "");
}

}  // namespace
}  // namespace sec::layers
