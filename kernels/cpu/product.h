// The inner loop of weight gradients: x^T gy, a product of two tall matrices summed over rows.
#pragma once

#include "kernels/cpu/tiles.h"

namespace sec::kernels::cpu::SEC_ISA {

// The product for each c: gw[c, :] = the sum over a < outer and b < inner of x[a, b, c] * gy[a, b, :].
// If `adds`, the old gw[c, :] is added.
struct Product {
  const float* x;
  std::int64_t x_outer, x_inner, x_channel;  // distances in floats
  const float* gy;
  std::int64_t gy_outer, gy_inner;
  float* gw;
  std::int64_t gw_channel;
  std::int64_t outer, inner;
  std::int64_t columns;  // columns of gw to store; gy always has tile_columns
  bool adds = true;
};

// Computes the product for c in [0, channels).
void add_product(Product op, std::int64_t channels);

}  // namespace sec::kernels::cpu::SEC_ISA
