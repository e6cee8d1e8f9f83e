// Shared by the convolutions: the sizes of register tiles, and zero padding.
#pragma once

#include <algorithm>

#include "kernels/cpu/simd.h"

namespace sec::kernels::cpu::SEC_ISA {

// A register tile holds tile_rows x (tile_vectors * width) sums.
// Two more registers hold a row of the right operand; the other registers hold elements of the left operand.
constexpr int tile_vectors = 2;
constexpr int tile_rows = registers == 32 ? 12 : 6;
constexpr int tile_columns = tile_vectors * width;

inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

// Part `i` of [0, count), split into `parts` parts of nearly equal size: [first, first + size).
struct Part {
  std::int64_t first, size;
};
inline Part part_of(std::int64_t count, std::int64_t parts, std::int64_t i) {
  const std::int64_t first = count * i / parts;
  return {first, count * (i + 1) / parts - first};
}

// Returns time steps [first, first + size) of a sample of `length` steps of `row` floats each.
// The result points into the sample if it has all these steps. Otherwise it points to `buffer`, whose
// size * row floats are a copy with zeros for the steps outside the sample.
inline const float* zero_padded(const float* sample, std::int64_t length, std::int64_t row,
                                std::int64_t first, std::int64_t size, float* buffer) {
  if (first >= 0 && first + size <= length) {
    return sample + first * row;
  }
  const std::int64_t begin = std::clamp<std::int64_t>(-first, 0, size);
  const std::int64_t end = std::clamp<std::int64_t>(length - first, begin, size);
  std::fill(buffer, buffer + begin * row, 0.0F);
  std::copy(sample + (first + begin) * row, sample + (first + end) * row, buffer + begin * row);
  std::fill(buffer + end * row, buffer + size * row, 0.0F);
  return buffer;
}

}  // namespace sec::kernels::cpu::SEC_ISA
