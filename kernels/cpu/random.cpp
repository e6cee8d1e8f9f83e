// Kernels that use random numbers.
#include "engine/ranges.h"
#include "kernels/cpu/loops.h"
#include "kernels/cpu/parts.h"
#include "kernels/cpu/philox_vector.h"

namespace sec::kernels::cpu::SEC_ISA {
namespace {

F32 to_unit_vector(U32 words) {
  return __builtin_convertvector(__builtin_bit_cast(I32, words >> 8U), F32) * 0x1p-24F;
}

// y[e] = function(uniform(key, e), x[e]). Random numbers are first drawn into a buffer in L1:
// a single loop for both would keep too few memory loads in flight.
template <typename Function>
void map_random(const RandomKey& key, std::int64_t count, const float* x, float* y,
                const Function& function) {
  constexpr std::int64_t drawn = 1024;
  const RandomKey now{key.seed, step_of(key), key.operation};
  static_assert(block_floats % drawn == 0 && drawn % drawn_at_once == 0);
  for_blocks((count + block_floats - 1) / block_floats, count, [&](std::int64_t block) {
    const std::int64_t end = std::min(count, (block + 1) * block_floats);
    float u[drawn];
    for (std::int64_t first = block * block_floats; first < end; first += drawn) {
      const std::int64_t size = std::min(drawn, end - first);
      for (std::int64_t i = 0; i < size; i += drawn_at_once) {
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
