// The fully connected layer: y = x w + bias.
#pragma once

#include <string>

#include "layers/parameters.h"

namespace sec::layers {

struct Linear {
  std::string name;
  Parameter* weight = nullptr;  // (In, Out)
  Parameter* bias = nullptr;    // (Out)
  std::int64_t in = 0, out = 0;
};

// Registers NAME.weight (Kaiming uniform) and NAME.bias (zero). Throws Error on a size below 1.
Linear make_linear(ParameterSet& set, const std::string& name, std::int64_t in, std::int64_t out);

// x (N, In) to (N, Out). Throws Error on another shape.
Var linear(Pass& pass, const Linear& layer, const Var& x);

}  // namespace sec::layers
