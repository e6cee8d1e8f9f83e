// Transposes a width x width square of floats in registers.
#pragma once

#include <utility>

#include "kernels/cpu/simd.h"

namespace sec::kernels::cpu::SEC_ISA {

// Exchanges the off-diagonal blocks of Step lanes between two rows that are `Step` apart.
template <int Step, int... Lane>
[[gnu::always_inline]] inline void exchange(F32& a, F32& b, std::integer_sequence<int, Lane...>) {
  const F32 upper = __builtin_shufflevector(a, b, ((Lane & Step) == 0 ? Lane : width + Lane - Step)...);
  const F32 lower = __builtin_shufflevector(a, b, ((Lane & Step) == 0 ? Lane + Step : width + Lane)...);
  a = upper;
  b = lower;
}

template <int Step>
[[gnu::always_inline]] inline void transpose_stage(F32 (&rows)[width]) {
  if constexpr (Step < width) {
#pragma GCC unroll 16
    for (int r = 0; r < width; ++r) {
      if ((r & Step) == 0) {
        exchange<Step>(rows[r], rows[r + Step], std::make_integer_sequence<int, width>());
      }
    }
    transpose_stage<2 * Step>(rows);
  }
}

// to[r * to_row + c] = from[c * from_row + r] for r and c below `width`.
[[gnu::always_inline]] inline void transpose_square(const float* from, std::int64_t from_row, float* to,
                                                    std::int64_t to_row) {
  F32 rows[width];
#pragma GCC unroll 16
  for (int c = 0; c < width; ++c) {
    rows[c] = load(from + c * from_row);
  }
  transpose_stage<1>(rows);
#pragma GCC unroll 16
  for (int r = 0; r < width; ++r) {
    store(to + r * to_row, rows[r]);
  }
}

}  // namespace sec::kernels::cpu::SEC_ISA
