// IEEE 754 half precision (binary16), in which safetensors files may store weights. Nothing is computed in it.
#pragma once

#include <bit>
#include <cstdint>

namespace sec::io {

// Sign, 5 bits of exponent (bias 15), 10 bits of mantissa.
struct f16 {
  std::uint16_t bits = 0;

  f16() = default;
  // Rounds to nearest, ties to even. Magnitudes of 65520 and more become infinite; NaN stays NaN.
  explicit f16(float value);
  explicit operator float() const;  // exact
};

}  // namespace sec::io
