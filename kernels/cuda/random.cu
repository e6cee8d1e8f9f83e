// Uniform random numbers and dropout.
// On every device, element e of a random stream is word e % 4 of Philox block e / 4.
// A thread handles four (f32) or eight (bf16) elements, so that no Philox block is computed twice.
// Philox takes about 80 integer instructions for four elements. Moving 32 bytes takes about as long,
// so the kernels stay memory-bound.
#include "engine/philox.h"
#include "kernels/cuda/elements.h"
#include "kernels/cuda/parts.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr int threads = 256;

template <int width>
__global__ void __launch_bounds__(threads) random_fill_uniform(RandomKey key, float low, float range,
                                                               float* __restrict__ y,  // (count)
                                                               std::int64_t count) {
  const std::int64_t first = first_element(4);
  if (first >= count) {
    return;
  }
  const PhiloxBlock block = random_block(key, static_cast<std::uint64_t>(first / 4));
  float values[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    // All devices round after each operation. A fused multiply-add would give different results.
    values[i] = __fadd_rn(low, __fmul_rn(range, to_unit(block.word[i])));
  }
  if (width == 4 && first + 4 <= count) {
    store(y + first, values);
  } else {
    for (int i = 0; i < min(std::int64_t{4}, count - first); ++i) {
      y[first + i] = values[i];
    }
  }
}

template <typename T, int width>
__global__ void __launch_bounds__(threads) dropout_apply(RandomKey key, float p, float scale,
                                                         const T* x,  // (count)
                                                         T* y,        // (count), may be x
                                                         std::int64_t count) {
  constexpr int each = 16 / sizeof(T);
  const std::int64_t first = first_element(each);
  if (first >= count) {
    return;
  }
  const bool whole = width == each && first + each <= count;
  float values[each] = {};
  if (whole) {
    load(x + first, values);
  } else {
#pragma unroll
    for (int i = 0; i < each; ++i) {
      values[i] = first + i < count ? load(x + first + i) : 0.0F;
    }
  }
#pragma unroll
  for (int group = 0; group < each / 4; ++group) {
    const PhiloxBlock block = random_block(key, static_cast<std::uint64_t>(first / 4 + group));
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      float& value = values[4 * group + i];
      value = to_unit(block.word[i]) < p ? 0.0F : value * scale;
    }
  }
  if (whole) {
    store(y + first, values);
  } else {
#pragma unroll
    for (int i = 0; i < each; ++i) {
      if (first + i < count) {
        store(y + first + i, values[i]);
      }
    }
  }
}

}  // namespace

void fill_uniform(Stream& stream, const RandomKey& key, float low, float high, Span y) {
  float* const to = elements<float>(y, y.count, "fill_uniform: y");
  if (y.count == 0) {
    return;
  }
  by_width<float>(aligned(to), [&](auto width) {
    launch<random_fill_uniform<decltype(width)::value>>(stream, dim3(blocks_for(y.count, threads * 4)),
                                                        dim3(threads), 0, key, low, high - low, to, y.count);
  });
}

void dropout(Stream& stream, float p, const RandomKey& key, ConstSpan x, Span y) {
  require(p >= 0 && p < 1, "dropout: expected a probability in [0, 1), got {}", p);
  if (y.count == 0) {
    return;
  }
  by_type(y.type, "dropout", [&](auto zero) {
    using T = decltype(zero);
    const T* const from = elements<T>(x, y.count, "dropout: x");
    T* const to = elements<T>(y, y.count, "dropout: y");
    by_width<T>(aligned(from, to), [&](auto width) {
      launch<dropout_apply<T, decltype(width)::value>>(
          stream, dim3(blocks_for(y.count, threads * 16 / sizeof(T))), dim3(threads), 0, key, p,
          1.0F / (1.0F - p), from, to, y.count);
    });
  });
}

}  // namespace sec::kernels::SEC_BACKEND
