#include "engine/autograd.h"

#include <gtest/gtest.h>

namespace sec {
namespace {

Stream cpu{Device::cpu};

void accumulate(Stream&, Tensor& into, const Tensor& gradient) {
  auto* y = into.write().as<float>("accumulate");
  const auto* x = gradient.read().as<float>("accumulate");
  for (std::int64_t i = 0; i < into.count(); ++i) {
    y[i] += x[i];
  }
}

Tensor scalar(float value) {
  return Tensor::from(cpu, Shape{1}, std::vector{value});
}

float at(const Tensor& tensor) {
  return tensor.to_vector(cpu).at(0);
}

Var multiply(Tape& tape, const Var& a, const Var& b) {
  return tape.record("multiply", scalar(at(a.value) * at(b.value)), {a, b},
                     [sa = Saved(a.value), sb = Saved(b.value)](const Tensor& g, Gradients& inputs) {
                       inputs.add(0, scalar(at(g) * at(sb.get())));
                       inputs.add(1, scalar(at(g) * at(sa.get())));
                     });
}

Var add(Tape& tape, const Var& a, const Var& b) {
  return tape.record("add", scalar(at(a.value) + at(b.value)), {a, b},
                     [](const Tensor& g, Gradients& inputs) {
                       inputs.add(0, g);
                       inputs.add(1, g);
                     });
}

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Autograd, SumsOverAllPathsOfADiamond) {
  Tape tape(cpu, accumulate);
  const Var x = tape.leaf(scalar(3));
  const Var square = multiply(tape, x, x);     // 9
  const Var both = add(tape, square, x);       // 12
  const Var y = multiply(tape, both, square);  // (x^2 + x) x^2, derivative 4x^3 + 3x^2
  tape.backward(y, scalar(1));
  EXPECT_FLOAT_EQ(at(tape.gradient_of(x)), 4 * 27 + 3 * 9);
}

TEST(Autograd, OneGradientTensorHandedToTwoInputsIsNotMixedUp) {
  Tape tape(cpu, accumulate);
  const Var a = tape.leaf(scalar(2));
  const Var b = tape.leaf(scalar(5));
  const Var early = multiply(tape, a, a);  // adds to a's gradient after the addition below has
  const Var sum = add(tape, a, b);
  const Var y = add(tape, sum, early);
  tape.backward(y, scalar(1));
  EXPECT_FLOAT_EQ(at(tape.gradient_of(a)), 1 + 4);
  EXPECT_FLOAT_EQ(at(tape.gradient_of(b)), 1);
}

TEST(Autograd, ParametersAccumulateIntoTheCallersTensor) {
  Tensor gradient = scalar(100);
  Tape tape(cpu, accumulate);
  const Var w = tape.parameter(scalar(7), gradient);
  tape.backward(multiply(tape, w, w), scalar(1));
  EXPECT_FLOAT_EQ(at(gradient), 100 + 14);
}

TEST(Autograd, ConstantsRecordNothing) {
  Tape tape(cpu, accumulate);
  const Var y = multiply(tape, Var(scalar(2)), Var(scalar(3)));
  EXPECT_FALSE(y.needs_gradient());
  EXPECT_EQ(tape.size(), 0);
}

TEST(Autograd, SavedTensorsAreFreedAsTheyAreUsed) {
  Tape tape(cpu, accumulate);
  const Var x = tape.leaf(scalar(1));
  std::vector<std::size_t> held;
  Var y = x;
  for (int i = 0; i < 3; ++i) {
    y = tape.record("hold", scalar(1), {y},
                    [&held, kept = Saved(Tensor::empty(Shape{1000}, DType::f32, Device::cpu))](
                        const Tensor& g, Gradients& inputs) {
                      held.push_back(memory_statistics(Device::cpu).in_use);
                      inputs.add(0, g);
                      (void)kept;
                    });
  }
  tape.backward(y, scalar(1));
  ASSERT_EQ(held.size(), 3U);
  EXPECT_GE(held[0] - held[1], 4000U);
  EXPECT_GE(held[1] - held[2], 4000U);
}

TEST(Autograd, AnOverwrittenSavedTensorIsAnErrorThatNamesTheOperation) {
  Tape tape(cpu, accumulate);
  Tensor value = scalar(3);
  const Var x = tape.leaf(value);
  const Var y = multiply(tape, x, x);
  value.write();
  EXPECT_EQ(error_of([&] { tape.backward(y, scalar(1)); }),
            "backward of multiply, output shape (1): a tensor of shape (1) saved for the backward pass was "
            "overwritten 1 time(s) since the forward pass");
}

TEST(Autograd, ASecondWalkIsAnError) {
  Tape tape(cpu, accumulate);
  const Var x = tape.leaf(scalar(3));
  const Var y = multiply(tape, x, x);
  tape.backward(y, scalar(1));
  EXPECT_NE(error_of([&] { tape.backward(y, scalar(1)); }).find("walked before"), std::string::npos);
  EXPECT_NE(error_of([&] { multiply(tape, x, x); }).find("already walked"), std::string::npos);
}

TEST(Autograd, AGradientOfAnotherShapeIsAnError) {
  Tape tape(cpu, accumulate);
  const Var x = tape.leaf(scalar(3));
  const Var y = tape.record("bad", scalar(1), {x}, [](const Tensor&, Gradients& inputs) {
    inputs.add(0, Tensor::zeros(cpu, Shape{2}));
  });
  EXPECT_NE(error_of([&] { tape.backward(y, scalar(1)); }).find("gradient of input 0 has shape (2)"),
            std::string::npos);
}

}  // namespace
}  // namespace sec
