// Kernels that draw random numbers: Philox over a vector of counters at once. Lane i of the vectors is the
// block of four words for elements 4 * (group + i) ... + 3, as engine/philox.h lays down.
#include "engine/ranges.h"
#include "kernels/cpu/loops.h"
#include "kernels/cpu/parts.h"

namespace sec::kernels::cpu::SEC_ISA {
namespace {

constexpr int lanes = width / 2;  // 64-bit lanes: products of 32-bit words need them
constexpr int batch = 4 * lanes;  // elements served by one call: two vectors of floats

// The words for elements 4 * group ... 4 * group + batch - 1.
struct Words {
  U32 first, second;
};

// Inlined by force: one call leaves most of the machine idle, two in a row overlap.
[[gnu::always_inline]] inline Words draw(const RandomKey& key, std::uint64_t group) {
  constexpr std::uint64_t count_up[] = {0, 1, 2, 3, 4, 5, 6, 7};
  const U64 index = load<U64>(count_up) + group;
  constexpr std::uint64_t low = 0xffffffffU;
  // The words are the lower halves of the lanes; what products leave in the upper halves never comes down.
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
  // Pairs of words, then the pairs of a block side by side.
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

F32 to_unit_vector(U32 words) {
  return __builtin_convertvector(__builtin_bit_cast(I32, words >> 8U), F32) * 0x1p-24F;
}

// y[e] = function(uniform(key, e), x[e]). Numbers are drawn some at a time into a buffer in L1: a loop that
// did both would leave room in the machine for too few loads from memory under way.
template <typename Function>
void map_random(const RandomKey& key, std::int64_t count, const float* x, float* y,
                const Function& function) {
  constexpr std::int64_t drawn = 1024;
  const RandomKey now{key.seed, step_of(key), key.operation};
  static_assert(block_floats % drawn == 0 && drawn % batch == 0);
  for_blocks((count + block_floats - 1) / block_floats, count, [&](std::int64_t block) {
    const std::int64_t end = std::min(count, (block + 1) * block_floats);
    float u[drawn];
    for (std::int64_t first = block * block_floats; first < end; first += drawn) {
      const std::int64_t size = std::min(drawn, end - first);
      for (std::int64_t i = 0; i < size; i += batch) {
        const Words words = draw(now, static_cast<std::uint64_t>(first + i) / 4);
        store(u + i, to_unit_vector(words.first));
        store(u + i + width, to_unit_vector(words.second));
      }
      std::int64_t i = 0;
      for (; i + width <= size; i += width) {
        store(y + first + i, function(load(u + i), load(x + first + i)));
      }
      if (i < size) {
        store_part(y + first + i, function(load(u + i), load_part(x + first + i, size - i)), size - i);
      }
    }
  });
}

}  // namespace

void fill_uniform(Stream&, const RandomKey& key, float low, float high, Span y) {
  const Range range("fill_uniform");
  float* const to = floats(y, y.count, "fill_uniform: y");
  map_random(key, y.count, to, to, [&](F32 u, F32) { return low + (high - low) * u; });
}

void dropout(Stream&, float p, const RandomKey& key, ConstSpan x, Span y) {
  const Range range("dropout");
  check(p >= 0 && p < 1, "dropout: expected a probability in [0, 1)");
  const float scale = 1.0F / (1.0F - p);
  map_random(key, y.count, floats(x, y.count, "dropout: x"), floats(y, y.count, "dropout: y"),
             [&](F32 u, F32 v) { return select(u < broadcast(p), F32{}, v * scale); });
}

}  // namespace sec::kernels::cpu::SEC_ISA
