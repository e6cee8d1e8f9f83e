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
  const Var early = multiply(tape, a, a);  // its gradient reaches `a` after that of the sum below
  const Var sum = add(tape, a, b);
  const Var y = add(tape, sum, early);
  tape.backward(y, scalar(1));
  EXPECT_FLOAT_EQ(at(tape.gradient_of(a)), 1 + 4);
  EXPECT_FLOAT_EQ(at(tape.gradient_of(b)), 1);
}

// Computes a[i] * b[i] for all i as one group.
std::vector<Var> multiply_each(Tape& tape, const std::vector<Var>& a, const std::vector<Var>& b) {
  std::vector<Tensor> values;
  std::vector<Var> inputs;
  std::vector<Saved> saved;
  for (std::size_t i = 0; i < a.size(); ++i) {
    values.push_back(scalar(at(a[i].value) * at(b[i].value)));
    inputs.insert(inputs.end(), {a[i], b[i]});
    saved.insert(saved.end(), {Saved(a[i].value), Saved(b[i].value)});
  }
  return tape.record_group("multiply_each", std::move(values), inputs,
                           [saved](const std::vector<Tensor>& g, Gradients& to) {
                             for (int i = 0; i < static_cast<int>(g.size()); ++i) {
                               if (g[i].defined()) {
                                 to.add(2 * i, scalar(at(g[i]) * at(saved[2 * i + 1].get())));
                                 to.add(2 * i + 1, scalar(at(g[i]) * at(saved[2 * i].get())));
                               }
                             }
                           });
}

TEST(Autograd, AClosureMayTakeWhatItsInputReceived) {
  Tape tape(cpu, accumulate);
  const Var x = tape.leaf(scalar(2));
  // `first` is recorded first, so its closure runs last and finds the gradient from `second`.
  const Var first = tape.record("first", scalar(2), {x}, [](const Tensor& g, Gradients& inputs) {
    const Tensor received = inputs.release(0);
    ASSERT_TRUE(received.defined());
    EXPECT_FALSE(inputs.release(0).defined());
    inputs.add(0, scalar(at(received) + 10 * at(g)));
  });
  const Var second = tape.record("second", scalar(2), {x}, [](const Tensor& g, Gradients& inputs) {
    EXPECT_FALSE(inputs.release(0).defined());
    inputs.add(0, scalar(3 * at(g)));
  });
  tape.backward(add(tape, first, second), scalar(1));
  EXPECT_EQ(at(tape.gradient_of(x)), 13);
}

TEST(Autograd, AGroupTakesTheGradientsOfAllItsValues) {
  Tape tape(cpu, accumulate);
  const Var x = tape.leaf(scalar(3));
  const Var y = tape.leaf(scalar(5));
  const Var constant = scalar(7);
  const std::vector<Var> products = multiply_each(tape, {x, y, constant}, {y, y, x});  // xy, yy, 7x
  const Var root = add(tape, multiply(tape, products[0], products[2]), products[1]);   // 7 x^2 y + y^2
  tape.backward(root, scalar(1));
  EXPECT_FLOAT_EQ(at(tape.gradient_of(x)), 14 * 3 * 5);
  EXPECT_FLOAT_EQ(at(tape.gradient_of(y)), 7 * 9 + 2 * 5);
}

TEST(Autograd, AGroupWhoseValuesAreNotAllUsed) {
  for (const std::size_t used : {0, 1, 2}) {
    Tape tape(cpu, accumulate);
    const std::vector<Var> x = {tape.leaf(scalar(2)), tape.leaf(scalar(3)), tape.leaf(scalar(4))};
    const std::vector<Var> squares = multiply_each(tape, x, x);
    tape.backward(squares[used], scalar(1));
    for (std::size_t i = 0; i < x.size(); ++i) {
      const Tensor gradient = tape.gradient_of(x[i]);
      ASSERT_EQ(gradient.defined(), i == used);
      if (i == used) {
        EXPECT_FLOAT_EQ(at(gradient), 2 * at(x[i].value));
      }
    }
  }
}

TEST(Autograd, AGroupIsWatchedAsItsOperations) {
  Tape tape(cpu, accumulate);
  std::vector<std::vector<float>> seen;
  tape.watch([&](const Tape::Operation& operation) {
    std::vector<float> numbers = {at(operation.value)};
    for (const Var& input : operation.inputs) {
      numbers.push_back(at(input.value));
    }
    seen.push_back(numbers);
  });
  multiply_each(tape, {scalar(2), scalar(3)}, {scalar(5), tape.leaf(scalar(7))});
  EXPECT_EQ(seen, (std::vector<std::vector<float>>{{10, 2, 5}, {21, 3, 7}}));
  EXPECT_NE(error_of([&] { tape.record_group("odd", {scalar(1), scalar(2)}, {scalar(3)}, nullptr); }), "");
}

// y = x * x and z = y * c with x = 2, c = 5: dz/dy = 5 arrives before dy/dx is computed.
TEST(Autograd, TheWalkIsWatchedWithTheGradientOfEveryOperation) {
  Tape tape(cpu, accumulate);
  std::vector<std::int64_t> recorded;
  tape.watch([&](const Tape::Operation& operation) { recorded.push_back(operation.node); });
  std::vector<std::pair<std::int64_t, float>> walked;
  tape.watch_backward(
      [&](std::int64_t node, const Tensor& gradient) { walked.emplace_back(node, at(gradient)); });
  const Var x = tape.leaf(scalar(2));
  const Var y = multiply(tape, x, x);
  multiply(tape, scalar(3), scalar(4));  // needs no gradient
  const Var unused = multiply(tape, y, y);
  const Var z = multiply(tape, y, scalar(5));
  tape.backward(z, scalar(1));
  EXPECT_EQ(recorded, (std::vector<std::int64_t>{y.node, -1, unused.node, z.node}));
  EXPECT_EQ(walked, (std::vector<std::pair<std::int64_t, float>>{{z.node, 1}, {y.node, 5}}));
  EXPECT_FLOAT_EQ(at(tape.gradient_of(x)), 20);
}

TEST(Autograd, AnOperationsWindowInTimeIsWatched) {
  Tape tape(cpu, accumulate);
  std::vector<std::int64_t> strides;
  tape.watch([&](const Tape::Operation& operation) { strides.push_back(operation.window.stride); });
  tape.record("pool", scalar(1), {scalar(1)}, nullptr, {3, 2, 1});
  tape.record_group("convs", {scalar(1), scalar(2)}, {scalar(1), scalar(2)}, nullptr, {{5, 4, 2}, {1, 1, 0}});
  tape.record("relu", scalar(1), {scalar(1)}, nullptr);
  EXPECT_EQ(strides, (std::vector<std::int64_t>{2, 4, 1, 1}));
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
