#include "bench/ceilings/peak.h"

#include "kernels/cpu/simd.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace sec::SEC_ISA {

double multiply_add() {
  using kernels::cpu::SEC_ISA::F32;
  // Independent sums, to keep both FMA units busy in spite of 4 cycles of latency: 12 exceeds 4 x 2.
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

void copy(char* to, const char* from, std::size_t bytes) {
#ifdef __SSE2__
  // Streaming stores fill whole cache lines in sequence, which the core combines into one write each.
  for (std::size_t i = 0; i < bytes; i += sizeof(__m128i)) {
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + i),
                     _mm_load_si128(reinterpret_cast<const __m128i*>(from + i)));
  }
  _mm_sfence();
#else
  __builtin_memcpy(to, from, bytes);
#endif
}

}  // namespace sec::SEC_ISA
