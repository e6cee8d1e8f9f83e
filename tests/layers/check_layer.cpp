#include "tests/layers/check_layer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "layers/accumulate.h"

namespace sec {
namespace {

double dot(const plain::Array& a, const plain::Array& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.data.size(); ++i) {
    sum += a.data[i] * b.data[i];
  }
  return sum;
}

// The derivative of function() with respect to every element of `by`, by central differences.
plain::Array differences(plain::Array& by, const std::function<double()>& function) {
  constexpr double step = 1e-5;  // error: step^2 times the third derivative, plus rounding of 1e-16 / step
  plain::Array gradient(by.shape);
  for (std::size_t i = 0; i < by.data.size(); ++i) {
    const double middle = by.data[i];
    by.data[i] = middle + step;
    const double above = function();
    by.data[i] = middle - step;
    const double below = function();
    by.data[i] = middle;
    gradient.data[i] = (above - below) / (2 * step);
  }
  return gradient;
}

}  // namespace

plain::Array random_array(const Shape& shape, unsigned seed, double scale) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal(0, scale);
  plain::Array array(shape);
  std::ranges::generate(array.data,
                        [&] { return static_cast<double>(static_cast<float>(normal(generator))); });
  return array;
}

Tensor to_tensor(const plain::Array& array) {
  std::vector<float> values;
  std::ranges::transform(array.data, std::back_inserter(values),
                         [](double value) { return static_cast<float>(value); });
  return Tensor::from(cpu, array.shape, values);
}

plain::Array to_array(const Tensor& tensor) {
  const std::vector<float> values = tensor.to_vector(cpu);
  return {tensor.shape(), {values.begin(), values.end()}};
}

plain::Arrays to_arrays(const layers::ParameterSet& set) {
  plain::Arrays arrays;
  for (const layers::Parameter& parameter : set.parameters()) {
    arrays[parameter.name] = to_array(parameter.value);
  }
  return arrays;
}

plain::Arrays states_of(const layers::ParameterSet& set) {
  plain::Arrays arrays;
  for (const layers::State& state : set.state()) {
    arrays[state.name] = to_array(state.value);
  }
  return arrays;
}

void assign(Tensor& into, const plain::Array& values) {
  ASSERT_EQ(into.shape(), values.shape);
  into.copy_from(cpu, to_tensor(values));
}

void randomise(layers::ParameterSet& set, unsigned seed, double scale) {
  Tensor values = set.values();
  assign(values, random_array(values.shape(), seed, scale));
  Tensor gradients = set.gradients();
  assign(gradients, plain::Array(gradients.shape()));
}

void expect_close(const plain::Array& actual, const plain::Array& expected, double tolerance,
                  const std::string& what) {
  ASSERT_EQ(actual.shape.text(), expected.shape.text()) << what;
  double largest = 0;
  for (const double value : expected.data) {
    largest = std::max(largest, std::abs(value));
  }
  double worst = 0;
  std::size_t place = 0;
  for (std::size_t i = 0; i < expected.data.size() && !std::isnan(worst); ++i) {
    const double error = std::abs(actual.data[i] - expected.data[i]);
    if (!(error <= worst)) {  // true for NaN, too
      worst = error;
      place = i;
    }
  }
  EXPECT_LE(worst, tolerance * largest) << what << ": element " << place << " is " << actual.data[place]
                                        << ", expected " << expected.data[place] << ", largest " << largest;
}

void check_layer(layers::ParameterSet& set, const std::vector<plain::Array>& inputs, const Engine& engine,
                 const Reference& reference, const layers::Pass& pass, Tolerance tolerance) {
  if (!set.values().defined()) {
    set.allocate(cpu, 1);
  }
  randomise(set, 99);
  std::vector<plain::Array> arrays = inputs;
  plain::Arrays parameters = to_arrays(set);
  const plain::Array expected = reference(arrays, parameters);

  layers::Pass silent = pass;  // has no tape
  std::vector<Var> constants;
  constants.reserve(inputs.size());
  for (const plain::Array& input : inputs) {
    constants.emplace_back(to_tensor(input));
  }
  const auto in_use = [] { return memory_statistics(Device::cpu).in_use; };
  const std::size_t before = in_use();
  const std::size_t size = [&] {  // the memory of one output, as rounded up by the arena
    const Tensor like = to_tensor(expected);
    return in_use() - before;
  }();
  const Tensor unrecorded = engine(silent, constants).value;
  expect_close(to_array(unrecorded), expected, tolerance.forward, "output");
  EXPECT_LE(in_use(), before + size) << "a pass without a tape kept memory";

  Tape tape(cpu, layers::accumulate);
  layers::Pass recorded = pass;
  recorded.tape = &tape;
  std::vector<Var> leaves;
  leaves.reserve(inputs.size());
  for (const plain::Array& input : inputs) {
    leaves.push_back(tape.leaf(to_tensor(input)));
  }
  const Var y = engine(recorded, leaves);
  EXPECT_EQ(y.value.to_vector(cpu), unrecorded.to_vector(cpu)) << "recording changed the output";
  const plain::Array weights = random_array(expected.shape, 1234);  // the loss is sum(weights * y)
  tape.backward(y, to_tensor(weights));

  const auto scalar = [&] { return dot(weights, reference(arrays, parameters)); };
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    const Tensor gradient = tape.gradient_of(leaves[i]);
    ASSERT_TRUE(gradient.defined()) << "input " << i << " got no gradient";
    expect_close(to_array(gradient), differences(arrays[i], scalar), tolerance.gradient,
                 "gradient of input " + std::to_string(i));
  }
  for (const layers::Parameter& parameter : set.parameters()) {
    expect_close(to_array(parameter.gradient), differences(parameters.at(parameter.name), scalar),
                 tolerance.gradient, "gradient of " + parameter.name);
  }
}

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace sec
