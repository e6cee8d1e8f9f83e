// The hash FNV-1a, 64 bits: tells data apart, no protection against forgery.
#pragma once

#include <cstdint>

namespace sec::train {

constexpr std::uint64_t fnv_start = 0xCBF29CE484222325ULL;

// Takes one more unit, a byte or more bits, into the hash.
constexpr std::uint64_t fnv_next(std::uint64_t state, std::uint64_t unit) {
  return (state ^ unit) * 0x100000001B3ULL;
}

}  // namespace sec::train
