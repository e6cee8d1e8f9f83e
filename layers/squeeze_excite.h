// Squeeze-and-excite (Hu et al. 2018) scales each channel of a sample by a factor in (0, 1).
// The factors are computed from the means of all channels of the sample.
#pragma once

#include <string>
#include <vector>

#include "kernels/excite.h"
#include "layers/linear.h"

namespace sec::layers {

struct SqueezeExcite {
  Linear fc1;  // C -> C / 16, at least 1
  Linear fc2;  // C / 16 -> C
};

// Registers NAME.fc1 and NAME.fc2.
SqueezeExcite make_squeeze_excite(ParameterSet& set, const std::string& name, std::int64_t channels);

// x * sigmoid(fc2(relu(fc1(mean of x)))), for x (N, L, H, C). The result has the same shape.
Var squeeze_excite(Pass& pass, const SqueezeExcite& layer, const Var& x);

// The excite half computes the factors from given means. ExciteOperands holds them and the backward data.
// layers/residual.cpp runs and records the excite of several layers as a group.
struct ExciteOperands {
  kernels::ExciteShape shape;
  std::vector<Var> parameters;  // w1, b1, w2, b2
  std::vector<Saved> weights;   // the parameters' values
  Saved means, hidden, kept_factors;
  Tensor factors;  // (N, C)
};

// Appends the forward operation of a layer to `group`. Its factors are valid after the caller ran the group.
ExciteOperands excite_operands(Pass& pass, const SqueezeExcite& layer, const Tensor& means,  // (N, C)
                               std::vector<kernels::ExciteForward>& group);

// Appends the backward operation to `group`.
// Returns the gradient of the means, (N, C), which is valid after the caller ran the group.
// The gradients of the four parameters are added to the inputs `first` to first + 3 of `to`.
Tensor excite_backward(const ExciteOperands& operands, const Tensor& gfactors, Gradients& to, int first,
                       std::vector<kernels::ExciteBackward>& group);

}  // namespace sec::layers
