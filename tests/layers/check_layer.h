// One check for every layer: its output equals the plain double-precision one, and its gradients, through the
// tape, equal central finite differences of that.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "layers/parameters.h"
#include "tests/layers/plain.h"

namespace sec {

inline Stream cpu{Device::cpu};

// Normally distributed values that f32 holds exactly, the same for the same seed.
plain::Array random_array(const Shape& shape, unsigned seed, double scale = 1);

Tensor to_tensor(const plain::Array& array);
plain::Array to_array(const Tensor& tensor);
plain::Arrays to_arrays(const layers::ParameterSet& set);  // the parameters
plain::Arrays states_of(const layers::ParameterSet& set);  // the running statistics

// Copies values into a tensor of the same shape.
void assign(Tensor& into, const plain::Array& values);

// Gives all parameters new random values, and zeroes the gradients.
void randomise(layers::ParameterSet& set, unsigned seed, double scale = 0.5);

using Engine = std::function<Var(layers::Pass& pass, const std::vector<Var>& inputs)>;
using Reference =
    std::function<plain::Array(const std::vector<plain::Array>& inputs, const plain::Arrays& parameters)>;

// Tolerances are relative to the largest value of a tensor: sums of a few hundred f32 products of mixed sign
// lose about 1e-6 of that, and a gradient passes through several such sums.
struct Tolerance {
  double forward = 1e-5;
  double gradient = 5e-5;
};

// Every element of every input and parameter is checked, so shapes should be small; inputs should stay away
// from kinks (ReLU at 0, ties of a maximum) by more than the step of the differences, 1e-5.
void check_layer(layers::ParameterSet& set, const std::vector<plain::Array>& inputs, const Engine& engine,
                 const Reference& reference, const layers::Pass& pass = {cpu, nullptr, true, 7, 3},
                 Tolerance tolerance = {});

// Fails the test unless all elements of `actual` are within `tolerance` times the largest |expected|.
void expect_close(const plain::Array& actual, const plain::Array& expected, double tolerance,
                  const std::string& what);

// The text of the Error that `action` throws; empty if it throws none.
std::string error_of(const std::function<void()>& action);

}  // namespace sec
