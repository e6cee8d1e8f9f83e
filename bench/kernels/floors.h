// The least that an operation has to do: the operations of its definition, and each operand moved once.
#pragma once

#include <algorithm>

#include "bench/ceilings/ceilings.h"
#include "kernels/cuda/conv_versions.h"

namespace sec {

// The products of a convolution that are not with padding: (t, j) with 0 <= t * stride + j - pad < L, for
// every sample, lead and pair of channels. All there are number macs(): 2 % more at L = 310, k = 7, twice as
// many at L = 3.
inline double products(const kernels::ConvShape& s) {
  std::int64_t pairs = 0;
  for (std::int64_t j = 0; j < s.k; ++j) {
    const std::int64_t first = std::max<std::int64_t>(0, (s.pad - j + s.stride - 1) / s.stride);
    const std::int64_t last = s.l - 1 + s.pad - j < 0 ? -1 : (s.l - 1 + s.pad - j) / s.stride;
    pairs += std::max<std::int64_t>(0, std::min(last, s.l_out() - 1) - first + 1);
  }
  return static_cast<double>(pairs) * static_cast<double>(s.n * s.h * s.c_in * s.c_out);
}

// For each pass alike, one multiplication and one addition for each product that the definition sums. Minimal
// filtering needs fewer: percentages above 100 are then possible.
//
// Bytes: forward reads x and w and writes y; dgrad reads gy and w and writes gx; wgrad reads x and gy, and
// reads and writes gw, to which it adds. Of x only the time steps that a tap meets need to be read. Weights
// are f32.
inline Floor conv_floor(kernels::ConvPass pass, const kernels::ConvShape& s, double bytes_per_element) {
  const auto row = static_cast<double>(s.n * s.h) * bytes_per_element;
  const double x = row * static_cast<double>(std::min(s.l, s.l_out() * s.k) * s.c_in);
  const double y = row * static_cast<double>(s.l_out() * s.c_out);
  const double w = 4.0 * static_cast<double>(s.k * s.c_in * s.c_out);
  const double operations = 2 * products(s);
  switch (pass) {
    case kernels::ConvPass::forward:
      return {operations, x + w + y};
    case kernels::ConvPass::dgrad:
      return {operations, y + w + row * static_cast<double>(s.l * s.c_in)};
    case kernels::ConvPass::wgrad:
      return {operations, x + y + 2 * w};
  }
  return {};
}

// What an operation does an element of its largest operand: operations, and elements that it reads or writes.
// An exponential, a division and a root count as one operation, the integer arithmetic of random numbers as
// none.
struct PerElement {
  double operations, moved;
  Floor times(double elements, double bytes_per_element) const {
    return {operations * elements, moved * elements * bytes_per_element};
  }
};

constexpr PerElement statistics_floor{3, 1};  // the sum, and the sum of squares
constexpr PerElement apply_floor{2, 2};       // x * a + b
// x and gy for the two sums, and again, as the sums have to be there first, for gx = A * gy + B * x + C.
constexpr PerElement backward_floor{9, 5};
constexpr PerElement relu_floor{1, 2};
constexpr PerElement add_floor{1, 3};
constexpr PerElement gate_floor{1, 2};  // its factors are a millionth of it
constexpr PerElement average_floor{1, 1};
constexpr PerElement dropout_floor{1, 2};
constexpr PerElement sigmoid_floor{4, 2};  // 1 / (1 + exp(-x))
// Gradient, parameters and two moments are read, all but the first written. m = b1 m + (1 - b1) g: 3
// operations; v likewise of g * g: 4; w -= rate * m / (sqrt(v) * c + epsilon): 6.
constexpr PerElement adam_floor{13, 7};

}  // namespace sec
