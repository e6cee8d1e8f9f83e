#include "io/models/half.h"

#include <cmath>

namespace sec::io {

f16::f16(float value) {
  const auto sign = static_cast<std::uint16_t>((std::bit_cast<std::uint32_t>(value) >> 16U) & 0x8000U);
  const float magnitude = std::abs(value);
  constexpr float overflow = 65520;  // halfway between the largest number, 65504, and 2^16
  constexpr float smallest_normal = 0x1p-14F;
  std::uint16_t rest = 0;
  if (std::isnan(value)) {
    rest = 0x7e00;
  } else if (magnitude >= overflow) {
    rest = 0x7c00;
  } else if (magnitude < smallest_normal) {
    rest = static_cast<std::uint16_t>(std::nearbyint(magnitude * 0x1p24F));  // subnormal: multiples of 2^-24
  } else {
    // Adds half of a unit of the last place that stays, a little less for an even one, and cuts off. A carry out of the
    // mantissa raises the exponent, as it should.
    const auto u = std::bit_cast<std::uint32_t>(magnitude);
    const std::uint32_t rounded = u + 0xfffU + ((u >> 13U) & 1U);
    rest = static_cast<std::uint16_t>((rounded >> 13U) - ((127U - 15U) << 10U));
  }
  bits = static_cast<std::uint16_t>(sign | rest);
}

f16::operator float() const {
  const int exponent = (bits >> 10U) & 0x1f;
  const int mantissa = bits & 0x3ff;
  float magnitude = 0;
  if (exponent == 0x1f) {
    magnitude = mantissa == 0 ? INFINITY : NAN;
  } else if (exponent == 0) {
    magnitude = std::ldexp(static_cast<float>(mantissa), -24);
  } else {
    magnitude = std::ldexp(static_cast<float>(mantissa + 0x400), exponent - 25);
  }
  return (bits & 0x8000U) != 0 ? -magnitude : magnitude;
}

}  // namespace sec::io
