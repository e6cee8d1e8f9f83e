// Convolution along time with the same weights for every lead.
#pragma once

#include <string>
#include <vector>

#include "kernels/conv.h"
#include "layers/parameters.h"

namespace sec::layers {

struct ConvOptions {
  std::int64_t c_in = 1, c_out = 1;
  std::int64_t k = 1;  // number of taps
  std::int64_t stride = 1;
  std::int64_t pad = 0;  // zeros on each side in time
  bool bias = false;
};

struct Conv {
  std::string name;
  Parameter* weight = nullptr;  // (K, Ci, Co)
  Parameter* bias = nullptr;    // (Co), null if the layer has none
  ConvOptions options;

  // The shape that kernels receive for an input of n samples, l time steps and h leads.
  kernels::ConvShape shape(std::int64_t n, std::int64_t l, std::int64_t h) const;
};

// The shape for an input x (N, L, H, Ci). Throws Error on another shape and if x is shorter than the kernel.
kernels::ConvShape checked_shape(const Conv& layer, const Shape& x);

// Registers NAME.weight (Kaiming uniform) and, if options.bias is set, NAME.bias (zero).
// Throws Error on a size below 1.
Conv make_conv(ParameterSet& set, const std::string& name, const ConvOptions& options);

// x (N, L, H, Ci) to (N, Lo, H, Co), where Lo = (L + 2 pad - K) / stride + 1.
// Throws Error on another shape and on an input shorter than the kernel.
Var conv(Pass& pass, const Conv& layer, const Var& x);

// Runs a group of convolutions: layer i on input x[i]. Devices may run the group in one launch.
// Results are bitwise equal to separate calls of conv. Throws Error if a layer appears twice in the group.
std::vector<Var> convs(Pass& pass, const std::vector<const Conv*>& layers, const std::vector<Var>& x);

}  // namespace sec::layers
