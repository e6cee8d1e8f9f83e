// SIMD vectors of the target instruction set's width, written with the vector extensions of GCC and Clang.
// `a * b + c` becomes a fused multiply-add if the instruction set has one.
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>

#ifdef __AVX2__
#include <immintrin.h>  // multiply_wide and bit masks need intrinsics
#endif

namespace sec::kernels::cpu::SEC_ISA {

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
constexpr int registers = 32;
#elif defined(__AVX2__)
constexpr int vector_bytes = 32;
constexpr int registers = 16;
#elif defined(__aarch64__)
constexpr int vector_bytes = 16;
constexpr int registers = 32;
#else
constexpr int vector_bytes = 16;
constexpr int registers = 16;
#endif

using F32 = float __attribute__((vector_size(vector_bytes)));
using I32 = std::int32_t __attribute__((vector_size(vector_bytes)));
using U32 = std::uint32_t __attribute__((vector_size(vector_bytes)));
using U64 = std::uint64_t __attribute__((vector_size(vector_bytes)));

constexpr int width = vector_bytes / 4;  // floats in a vector

template <typename Vector = F32, typename T>
inline Vector load(const T* from) {
  Vector v;
  __builtin_memcpy(&v, from, sizeof(v));
  return v;
}

template <typename Vector, typename T>
inline void store(T* to, Vector v) {
  __builtin_memcpy(to, &v, sizeof(v));
}

// Load or store the first `count` elements, at most `width`. Missing elements load as zero.
inline F32 load_part(const float* from, std::int64_t count) {
  F32 v = {};
  __builtin_memcpy(&v, from, static_cast<std::size_t>(count) * 4);
  return v;
}

inline void store_part(float* to, F32 v, std::int64_t count) {
  __builtin_memcpy(to, &v, static_cast<std::size_t>(count) * 4);
}

// A load in one instruction. F32{} + x would compile to an addition, because 0 + -0 is not -0.
inline F32 broadcast(float x) {
#if defined(__AVX512F__)
  return __builtin_bit_cast(F32, _mm512_set1_ps(x));
#elif defined(__AVX2__)
  return __builtin_bit_cast(F32, _mm256_set1_ps(x));
#else
  return F32{x, x, x, x};
#endif
}

inline F32 select(I32 condition, F32 yes, F32 no) {
  return condition ? yes : no;
}

inline F32 max(F32 a, F32 b) {
  return a > b ? a : b;
}

inline F32 min(F32 a, F32 b) {
  return a < b ? a : b;
}

inline float horizontal_sum(F32 v) {
  float lanes[width];
  store(lanes, v);
  for (int half = width / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) {
      lanes[i] += lanes[i + half];
    }
  }
  return lanes[0];
}

// e^x for x in [-87, 88], clamped outside. x = n ln(2) + r with |r| <= ln(2) / 2;
// e^r is its Taylor polynomial of degree 7, whose remainder is below 1e-8.
inline F32 exp(F32 x) {
  x = min(max(x, broadcast(-87.0F)), broadcast(88.0F));
  constexpr float round = 0x1.8p23F;  // adding this number rounds to an integer
  const F32 n = (x * 1.44269504F + round) - round;
  const F32 r = (x - n * 0x1.62e4p-1F) - n * 0x1.7f7d1cp-20F;  // ln(2) in two parts: n * 0x1.62e4p-1 is exact
  F32 p = broadcast(1.0F / 5040);
  for (const float coefficient : {1.0F / 720, 1.0F / 120, 1.0F / 24, 1.0F / 6, 0.5F, 1.0F, 1.0F}) {
    p = p * r + coefficient;
  }
  return p * __builtin_bit_cast(F32, (__builtin_convertvector(n, I32) + 127) << 23);
}

// 64-bit products of a constant and the lower 32 bits of each lane of `a`.
inline U64 multiply_wide(U64 a, std::uint32_t constant) {
#if defined(__AVX512F__)
  // Uses the masked intrinsic: for the plain one GCC 12 falsely warns of an uninitialised variable.
  const __m512i b = _mm512_set1_epi64(static_cast<long long>(constant));
  return __builtin_bit_cast(U64, _mm512_maskz_mul_epu32(0xff, __builtin_bit_cast(__m512i, a), b));
#elif defined(__AVX2__)
  const __m256i b = _mm256_set1_epi64x(static_cast<long long>(constant));
  return __builtin_bit_cast(U64, _mm256_mul_epu32(__builtin_bit_cast(__m256i, a), b));
#else
  return (a & 0xffffffffU) * std::uint64_t{constant};
#endif
}

// Returns one bit per lane, lane 0 lowest: 1 if the lane's condition is -1, 0 if it is 0.
inline unsigned to_bits(I32 condition) {
#if defined(__AVX512F__)
  return _mm512_movepi32_mask(__builtin_bit_cast(__m512i, condition));
#elif defined(__AVX2__)
  return static_cast<unsigned>(_mm256_movemask_ps(__builtin_bit_cast(__m256, condition)));
#else
  unsigned bits = 0;
  for (int lane = 0; lane < width; ++lane) {
    bits |= (condition[lane] != 0 ? 1U : 0U) << static_cast<unsigned>(lane);
  }
  return bits;
#endif
}

// Returns `v` with the lanes whose bit is 0 set to zero.
inline F32 keep_bits(unsigned bits, F32 v) {
#if defined(__AVX512F__)
  return __builtin_bit_cast(F32,
                            _mm512_maskz_mov_ps(static_cast<__mmask16>(bits), __builtin_bit_cast(__m512, v)));
#else
  constexpr std::int32_t lane_bits[] = {1, 2, 4, 8, 16, 32, 64, 128};
  const I32 lanes = load<I32>(lane_bits);
  return select(((I32{} + static_cast<std::int32_t>(bits)) & lanes) != 0, v, F32{});
#endif
}

}  // namespace sec::kernels::cpu::SEC_ISA
