// Minimal filtering (Winograd 1980; Lavin & Gray 2016 for networks), along time: four outputs of a filter of
// r taps from n = r + 3 products instead of 4 r. With the matrices of Toom and Cook for n points,
//   y = A^T ((G w) * (B^T x)),    and for the gradient of the taps    gw = G^T (sum over tiles of (B^T x) *
//   (A gy)).
// Products of transformed channels are summed before they are transformed back, so that between the
// transforms stand n matrix products, each 1 / 4 as long as the signal. Rounding errors grow with the points'
// spread: docs/performance.md has what each form costs, about 3 to 20 times that of the direct sum.
#pragma once

#include "kernels/cpu/tiles.h"

namespace sec::kernels::cpu::SEC_ISA {

constexpr int tile_outputs = 4;

struct MinimalForm {
  int taps = 0;    // r: 3, 4, 5 or 7
  int points = 0;  // n
  std::int64_t groups =
      1;  // of r taps, which longer filters are cut into: a group is four steps on, one tile
};

// For a filter of 3 or more taps; with taps of zero added if there is no form of that size.
MinimalForm minimal_form(std::int64_t taps);

enum class Transform {
  input,         // B^T: n from n
  weights,       // G: n from r
  output,        // A^T: 4 from n
  gradient,      // A: n from 4
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
