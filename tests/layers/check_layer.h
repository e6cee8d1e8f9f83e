// The check of every layer: its output equals the double-precision reference,
// and the tape's gradients equal central finite differences of the reference.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "layers/parameters.h"
#include "tests/layers/plain.h"

namespace sec {

inline Stream cpu{Device::cpu};

// Normally distributed values that are exact in f32. Equal seeds give equal values.
plain::Array random_array(const Shape& shape, unsigned seed, double scale = 1);

Tensor to_tensor(const plain::Array& array);
plain::Array to_array(const Tensor& tensor);
plain::Arrays to_arrays(const layers::ParameterSet& set);  // the parameters
plain::Arrays states_of(const layers::ParameterSet& set);  // the running statistics

// Copies values to a tensor of the same shape.
void assign(Tensor& into, const plain::Array& values);

// Sets all parameters to random values and all gradients to zero.
void randomise(layers::ParameterSet& set, unsigned seed, double scale = 0.5);

using Engine = std::function<Var(layers::Pass& pass, const std::vector<Var>& inputs)>;
using Reference =
    std::function<plain::Array(const std::vector<plain::Array>& inputs, const plain::Arrays& parameters)>;

// Tolerances relative to the largest value of a tensor.
// A sum of a few hundred f32 products of mixed sign has an error of about 1e-6 of the largest value,
// and a gradient passes through several such sums.
struct Tolerance {
  double forward = 1e-5;
  double gradient = 5e-5;
};

// Checks the gradient of every element of every input and parameter, so shapes should be small.
// Inputs should be farther than 1e-5 from kinks (ReLU at 0, ties in a maximum).
// 1e-5 is the step of the finite differences.
void check_layer(layers::ParameterSet& set, const std::vector<plain::Array>& inputs, const Engine& engine,
                 const Reference& reference, const layers::Pass& pass = {cpu, nullptr, true, 7, 3},
                 Tolerance tolerance = {});

// Fails the test unless every error is at most `tolerance` times the largest |expected|.
void expect_close(const plain::Array& actual, const plain::Array& expected, double tolerance,
                  const std::string& what);

// The message of the Error that `action` throws; empty if it throws none.
std::string error_of(const std::function<void()>& action);

}  // namespace sec
