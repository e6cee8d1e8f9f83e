// The minimum work of an operation: the arithmetic of its definition, and each operand moved once.
#pragma once

#include <algorithm>

#include "bench/ceilings/ceilings.h"
#include "kernels/cuda/conv_versions.h"

namespace sec {

// The multiply-adds of a convolution that do not involve padding:
// pairs (t, j) with 0 <= t * stride + j - pad < L, for every sample, lead and pair of channels.
// macs() includes padding.
// Padding adds 2 % at L = 310, k = 7, and doubles the number at L = 3.
inline double products(const kernels::ConvShape& s) {
  std::int64_t pairs = 0;
  for (std::int64_t j = 0; j < s.k; ++j) {
    const std::int64_t first = std::max<std::int64_t>(0, (s.pad - j + s.stride - 1) / s.stride);
    const std::int64_t last = s.l - 1 + s.pad - j < 0 ? -1 : (s.l - 1 + s.pad - j) / s.stride;
    pairs += std::max<std::int64_t>(0, std::min(last, s.l_out() - 1) - first + 1);
  }
  return static_cast<double>(pairs) * static_cast<double>(s.n * s.h * s.c_in * s.c_out);
}

// Every pass does one multiplication and one addition per product in the definition's sum.
// Minimal filtering needs fewer operations, so its percentages can exceed 100.
//
// Bytes: forward reads x and w and writes y; dgrad reads gy and w and writes gx;
// wgrad reads x and gy, and reads and writes gw, to which it adds.
// Only the time steps of x that a tap uses count. Weights are f32.
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

// An operation's work per element of its largest operand: arithmetic operations, elements read or written.
// Exponentials, divisions and square roots count as one operation each.
// The integer arithmetic of random numbers does not count.
struct PerElement {
  double operations, moved;
  Floor times(double elements, double bytes_per_element) const {
    return {operations * elements, moved * elements * bytes_per_element};
  }
};

constexpr PerElement statistics_floor{3, 1};  // sum and sum of squares
constexpr PerElement apply_floor{2, 2};       // x * a + b
// Reads x and gy for the two sums, then again for gx = A * gy + B * x + C, which needs the sums first.
constexpr PerElement backward_floor{9, 5};
constexpr PerElement relu_floor{1, 2};
constexpr PerElement add_floor{1, 3};
constexpr PerElement gate_floor{1, 2};  // the factors are negligibly few
constexpr PerElement average_floor{1, 1};
constexpr PerElement dropout_floor{1, 2};
constexpr PerElement sigmoid_floor{4, 2};  // 1 / (1 + exp(-x))
// Reads gradient, parameters and two moments; writes all but the gradient. Operations per element:
// 3 for m = b1 m + (1 - b1) g, 4 for v with g * g, 6 for w -= rate * m / (sqrt(v) * c + epsilon).
constexpr PerElement adam_floor{13, 7};

}  // namespace sec
