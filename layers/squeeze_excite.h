// Squeeze-and-excite (Hu et al. 2018): each channel of a sample is scaled by a factor in (0, 1) that is
// computed from the means of all its channels.
#pragma once

#include <string>

#include "layers/linear.h"

namespace sec::layers {

struct SqueezeExcite {
  Linear fc1;  // C -> C / 16, at least 1
  Linear fc2;  // C / 16 -> C
};

// Registers NAME.fc1 and NAME.fc2.
SqueezeExcite make_squeeze_excite(ParameterSet& set, const std::string& name, std::int64_t channels);

// (N, L, H, C) to the same shape: x * sigmoid(fc2(relu(fc1(mean of x)))).
Var squeeze_excite(Pass& pass, const SqueezeExcite& layer, const Var& x);

}  // namespace sec::layers
