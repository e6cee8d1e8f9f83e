// Minimal filtering along time (Winograd 1980; Lavin & Gray 2016 for networks).
// It computes m outputs of a filter of r taps with n = m + r - 1 products instead of m r.
// With the Toom-Cook matrices for n points:
//   y = A^T ((G w) * (B^T x)), and the gradient of the taps is gw = G^T (sum over tiles of (B^T x) * (A gy)).
// Products are summed over channels before they are transformed back.
// The work between the transforms is therefore n matrix products, each 1 / m as long as the signal.
// No form exceeds ten points.
// Rounding errors grow with the spread of the points: 2 to 18 times those of the direct sum (docs/speed.md).
#pragma once

#include "kernels/cpu/tiles.h"

namespace sec::kernels::cpu::SEC_ISA {

struct MinimalForm {
  int outputs;          // m, outputs per tile: 4 or 6
  int taps;             // r, taps: 3, 4, 5 or 7
  int points;           // n, products per tile
  std::int64_t groups;  // long filters are split into groups of r = m taps; each group reads one tile further
};

// Returns the cheapest form for `count` outputs and a filter of 3 or more taps.
// If there is no form of that size, zero taps are added.
MinimalForm minimal_form(std::int64_t taps, std::int64_t count);

enum class Transform {
  input,         // B^T, (n, n)
  weights,       // G, (n, r)
  output,        // A^T, (m, n)
  gradient,      // A, (n, m)
  weights_back,  // G^T, (r, n); the result is added to the destination
};

// The operands of a transform: to[o, e] = sum over i < n_in of matrix[o, i] * from[i, e], for o < n_out.
// The columns e are in [0, count). `count` is a multiple of the vector width.
// Rows are from_stride and to_stride floats apart.
// Inputs from n_in on count as zero; outputs from n_out on are dropped.
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

// The index of the point 1. All its powers are 1, so a value added to its product is added to every output.
constexpr int point_one = 1;

}  // namespace sec::kernels::cpu::SEC_ISA
