// Convolution along time, the same for every lead.
#pragma once

#include <string>
#include <vector>

#include "kernels/conv.h"
#include "layers/parameters.h"

namespace sec::layers {

struct ConvOptions {
  std::int64_t c_in = 1, c_out = 1;
  std::int64_t k = 1;  // taps
  std::int64_t stride = 1;
  std::int64_t pad = 0;  // zeros on either side in time
  bool bias = false;
};

struct Conv {
  std::string name;
  Parameter* weight = nullptr;  // (K, Ci, Co)
  Parameter* bias = nullptr;    // (Co), null if the layer has none
  ConvOptions options;

  // What the kernels are told for an input of n samples, l time steps and h leads.
  kernels::ConvShape shape(std::int64_t n, std::int64_t l, std::int64_t h) const;
};

// The same for an input (N, L, H, Ci). Throws Error on another shape and on an input shorter than the kernel.
kernels::ConvShape checked_shape(const Conv& layer, const Shape& x);

// Registers NAME.weight, Kaiming uniform, and if asked for NAME.bias, zero. Throws Error on a size below 1.
Conv make_conv(ParameterSet& set, const std::string& name, const ConvOptions& options);

// (N, L, H, Ci) to (N, Lo, H, Co), Lo = (L + 2 pad - K) / stride + 1. Throws Error on another shape and on an
// input shorter than the kernel.
Var conv(Pass& pass, const Conv& layer, const Var& x);

// The same of several layers, each with its own input, as one operation: one launch where the device gains by
// it. The bits are those of the layers one by one. Throws Error on a layer that is there twice.
std::vector<Var> convs(Pass& pass, const std::vector<const Conv*>& layers, const std::vector<Var>& x);

}  // namespace sec::layers
