#include "bench/peak.h"

#include "kernels/cpu/simd.h"

namespace sec::SEC_ISA {

double multiply_add() {
  using kernels::cpu::SEC_ISA::F32;
  // Independent sums: more than the latency of an instruction (4 cycles) times the units (2) can keep busy.
  constexpr int chains = 12;
  constexpr int rounds = 20000;
  F32 sum[chains] = {};
  F32 factor = F32{} + 0.999F;
  F32 term = F32{} + 0.001F;
  asm volatile("" : "+m"(factor), "+m"(term));  // hides the values from the compiler
  const F32 f = factor;
  const F32 t = term;
  for (int round = 0; round < rounds; ++round) {
    for (F32& s : sum) {
      s = s * f + t;
    }
  }
  asm volatile("" : "+m"(sum));
  return 2.0 * chains * rounds * kernels::cpu::SEC_ISA::width;
}

}  // namespace sec::SEC_ISA
