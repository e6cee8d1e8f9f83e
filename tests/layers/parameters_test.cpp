#include "layers/parameters.h"

#include <gtest/gtest.h>

#include <cmath>

#include "layers/accumulate.h"
#include "tests/layers/check_layer.h"

namespace sec::layers {
namespace {

TEST(Parameters, AreWindowsOnTheFlatBuffers) {
  ParameterSet set;
  Parameter& a = set.add("a", {2, 3}, Initial::constant(1));
  Parameter& b = set.add("b", {4}, Initial::constant(-2));
  State& s = set.add_state("s", {2}, 5);
  set.allocate(cpu, 0);
  EXPECT_EQ(set.count(), 10);
  // Parameters whose size is a multiple of 16 bytes come first.
  EXPECT_EQ(set.values().to_vector(cpu), (std::vector<float>{-2, -2, -2, -2, 1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(set.states().to_vector(cpu), (std::vector<float>{5, 5}));
  EXPECT_EQ(set.gradients().to_vector(cpu), std::vector<float>(10, 0.0F));
  EXPECT_EQ(a.value.shape(), Shape({2, 3}));
  b.gradient.write().as<float>("b")[0] = 7;
  EXPECT_EQ(set.gradients().to_vector(cpu)[0], 7);
  EXPECT_EQ(s.value.shape(), Shape({2}));
}

TEST(Parameters, DrawTheDocumentedRandomNumbers) {
  ParameterSet set;
  set.add("first", {3}, Initial::uniform(1));
  Parameter& second = set.add("second", {1000}, Initial::uniform(0.25F));
  set.allocate(cpu, 42);
  const std::vector<float> values = second.value.to_vector(cpu);
  for (std::uint64_t i = 0; i < values.size(); ++i) {
    const float expected = -0.25F + 0.5F * uniform({42, ParameterSet::initial_step, 1}, i);
    EXPECT_NEAR(values[i], expected, 1e-7) << i;  // the kernel may use a fused multiply-add
  }
}

TEST(Parameters, KaimingHasVarianceTwoOverFanIn) {
  ParameterSet set;
  Parameter& weight = set.add("w", {50, 20, 40}, Initial::kaiming(50 * 20));
  set.allocate(cpu, 3);
  double squares = 0;
  for (const float value : weight.value.to_vector(cpu)) {
    squares += static_cast<double>(value) * value;
  }
  // The variance estimated from 40,000 draws has a standard error of about 0.5 %.
  EXPECT_NEAR(squares / 40000 / (2.0 / 1000), 1, 0.02);
}

TEST(Parameters, RefuseMisuse) {
  ParameterSet set;
  Parameter& a = set.add("a", {1}, Initial::constant(0));
  Pass pass{cpu};
  EXPECT_EQ(error_of([&] { use(pass, a); }), "parameter a: used before its set was allocated");
  EXPECT_EQ(error_of([&] { set.add("a", {1}, Initial::constant(0)); }), "parameter a: the name is taken");
  EXPECT_EQ(error_of([&] { set.add_state("a", {1}, 0); }), "parameter a: the name is taken");
  set.allocate(cpu, 0);
  EXPECT_EQ(error_of([&] { set.add("b", {1}, Initial::constant(0)); }),
            "parameter b: added after the set was allocated");
  EXPECT_EQ(error_of([&] { set.allocate(cpu, 0); }), "parameters: allocated twice");
  EXPECT_NE(error_of([] { Initial::kaiming(0); }), "");
}

TEST(Parameters, SumTheirGradientsOverUsesAndPasses) {
  ParameterSet set;
  Parameter& a = set.add("a", {2}, Initial::constant(3));
  set.allocate(cpu, 0);
  for (int pass_number = 1; pass_number <= 2; ++pass_number) {
    Tape tape(cpu, accumulate);
    Pass pass{cpu, &tape, true};
    const Var first = use(pass, a);
    const Var second = use(pass, a);
    const Var sum =
        tape.record("sum", to_tensor({{2}, {6, 6}}), {first, second}, [](const Tensor& g, Gradients& inputs) {
          inputs.add(0, g);
          inputs.add(1, g);
        });
    tape.backward(sum, to_tensor({{2}, {1, 10}}));
    const auto n = static_cast<float>(pass_number);
    EXPECT_EQ(set.gradients().to_vector(cpu), (std::vector<float>{2 * n, 20 * n}));
  }
}

}  // namespace
}  // namespace sec::layers
