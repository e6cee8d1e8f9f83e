// The 64-bit hash FNV-1a. It tells data apart but does not protect against forgery.
#pragma once

#include <cstdint>

namespace sec::train {

constexpr std::uint64_t fnv_start = 0xCBF29CE484222325ULL;

// Adds one unit to the hash. A unit is a byte in the published algorithm, or a wider integer.
constexpr std::uint64_t fnv_next(std::uint64_t state, std::uint64_t unit) {
  return (state ^ unit) * 0x100000001B3ULL;
}

}  // namespace sec::train
