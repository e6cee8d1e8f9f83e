// The inner loop of the gradient of weights: a product of two tall matrices, x^T gy, summed over rows.
#pragma once

#include "kernels/cpu/tiles.h"

namespace sec::kernels::cpu::SEC_ISA {

// sum over a < outer, b < inner of x[a, b, c] * gy[a, b, :], added to gw[c, :] or put there, for c in a
// tile's rows.
struct Product {
  const float* x;
  std::int64_t x_outer, x_inner, x_channel;  // floats from one to the next
  const float* gy;
  std::int64_t gy_outer, gy_inner;
  float* gw;
  std::int64_t gw_channel;
  std::int64_t outer, inner;
  std::int64_t columns;  // of gw that are stored; gy has a tile's worth in any case
  bool adds = true;
};

// For c in [0, channels).
void add_product(Product op, std::int64_t channels);

}  // namespace sec::kernels::cpu::SEC_ISA
