// Squeeze-and-excite (Hu et al. 2018): each channel of a sample is scaled by a factor in (0, 1) that is
// computed from the means of all its channels.
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

// (N, L, H, C) to the same shape: x * sigmoid(fc2(relu(fc1(mean of x)))).
Var squeeze_excite(Pass& pass, const SqueezeExcite& layer, const Var& x);

// The excite half, for whoever records it together with what is around it, and runs it in groups: the factors
// for given means, and what the backward pass needs.
struct ExciteOperands {
  kernels::ExciteShape shape;
  std::vector<Var> parameters;  // w1, b1, w2, b2
  std::vector<Saved> weights;   // their values
  Saved means, hidden, kept_factors;
  Tensor factors;  // (N, C)
};

// Appends to a group what computes the factors; they are there once the caller has run it.
ExciteOperands excite_operands(Pass& pass, const SqueezeExcite& layer, const Tensor& means,  // (N, C)
                               std::vector<kernels::ExciteForward>& group);

// Likewise for the gradient of the means, (N, C), which this returns, and the parameters', which are added to
// inputs `first` to first + 3.
Tensor excite_backward(const ExciteOperands& operands, const Tensor& gfactors, Gradients& to, int first,
                       std::vector<kernels::ExciteBackward>& group);

}  // namespace sec::layers
