// Philox for a vector of counters, with the results of engine/philox.h.
// Lane i computes the four words of block group + i, for elements 4 * (group + i) to 4 * (group + i) + 3.
#pragma once

#include "engine/philox.h"
#include "kernels/cpu/simd.h"

namespace sec::kernels::cpu::SEC_ISA {

constexpr int lanes = width / 2;          // 64-bit lanes, for products of 32-bit words
constexpr int drawn_at_once = 4 * lanes;  // elements per call: two vectors of words

// The random words for elements 4 * group ... 4 * group + drawn_at_once - 1.
struct Words {
  U32 first, second;
};

// Forced inline: a single call leaves most execution units idle, and inlined calls overlap.
[[gnu::always_inline]] inline Words draw(const RandomKey& key, std::uint64_t group) {
  constexpr std::uint64_t count_up[] = {0, 1, 2, 3, 4, 5, 6, 7};
  const U64 index = load<U64>(count_up) + group;
  constexpr std::uint64_t low = 0xffffffffU;
  // The words are the lower halves of the lanes. What products leave in the upper halves is never read.
  U64 c0 = index;
  U64 c1 = index >> 32U;
  U64 c2 = U64{} + std::uint64_t{key.step};
  U64 c3 = U64{} + std::uint64_t{key.operation};
  auto k0 = static_cast<std::uint32_t>(key.seed);
  auto k1 = static_cast<std::uint32_t>(key.seed >> 32U);
  for (int round = 0; round < 10; ++round) {
    const U64 p0 = multiply_wide(c0, 0xD2511F53U);
    const U64 p1 = multiply_wide(c2, 0xCD9E8D57U);
    c0 = (p1 >> 32U) ^ c1 ^ std::uint64_t{k0};
    c1 = p1;
    c2 = (p0 >> 32U) ^ c3 ^ std::uint64_t{k1};
    c3 = p0;
    k0 += 0x9E3779B9U;
    k1 += 0xBB67AE85U;
  }
  // Joins the words in pairs, then interleaves the pairs so that the four words of a block are adjacent.
  const U64 front = (c0 & low) | (c1 << 32U);
  const U64 back = (c2 & low) | (c3 << 32U);
#if defined(__AVX512F__)
  return {__builtin_bit_cast(U32, __builtin_shufflevector(front, back, 0, 8, 1, 9, 2, 10, 3, 11)),
          __builtin_bit_cast(U32, __builtin_shufflevector(front, back, 4, 12, 5, 13, 6, 14, 7, 15))};
#elif defined(__AVX2__)
  return {__builtin_bit_cast(U32, __builtin_shufflevector(front, back, 0, 4, 1, 5)),
          __builtin_bit_cast(U32, __builtin_shufflevector(front, back, 2, 6, 3, 7))};
#else
  return {__builtin_bit_cast(U32, __builtin_shufflevector(front, back, 0, 2)),
          __builtin_bit_cast(U32, __builtin_shufflevector(front, back, 1, 3))};
#endif
}

}  // namespace sec::kernels::cpu::SEC_ISA
