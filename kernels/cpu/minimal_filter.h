// Minimal filtering (Winograd 1980; Lavin & Gray 2016 for networks), along time: m outputs of a filter of r
// taps from n = m + r - 1 products instead of m r. With the matrices of Toom and Cook for n points,
//   y = A^T ((G w) * (B^T x)),    and for the gradient of the taps    gw = G^T (sum over tiles of (B^T x) *
//   (A gy)).
// Products of transformed channels are summed before they are transformed back, so that between the
// transforms stand n matrix products, each 1 / m as long as the signal. Rounding errors grow with the points'
// spread: 2 to 18 times those of the direct sum, see docs/speed.md. No form has more than ten points.
#pragma once

#include "kernels/cpu/tiles.h"

namespace sec::kernels::cpu::SEC_ISA {

struct MinimalForm {
  int outputs;          // m: 4 or 6
  int taps;             // r: 3, 4, 5 or 7
  int points;           // n
  std::int64_t groups;  // of r = m taps, which long filters are cut into: a group sees the next tile
};

// The cheapest for `count` outputs and a filter of 3 or more taps, to which taps of zero are added if there
// is no form of that size.
MinimalForm minimal_form(std::int64_t taps, std::int64_t count);

enum class Transform {
  input,         // B^T: n from n
  weights,       // G: n from r
  output,        // A^T: m from n
  gradient,      // A: n from m
  weights_back,  // G^T: r from n, added to what is there
};

// to[o, e] = sum over i < n_in of matrix[o, i] * from[i, e] for o < n_out and e in [0, count), a multiple of
// the vector's width. Rows of `from` and `to` are so many floats apart. Inputs from n_in on count as zero,
// outputs from n_out on are dropped.
struct Strided {
  const float* from;
  std::int64_t from_stride;
  std::int64_t n_in;
  float* to;
  std::int64_t to_stride;
  std::int64_t n_out;
};
using TransformFunction = void (*)(const Strided& operands, std::int64_t count);
TransformFunction transform_function(const MinimalForm& form, Transform which);

// The index among the points of 1, whose powers are all 1: what is added to its product is added to each
// output.
constexpr int point_one = 1;

}  // namespace sec::kernels::cpu::SEC_ISA
