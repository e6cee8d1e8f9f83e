// Parallel loops over elements and over channels. Block sizes depend on the operands' sizes alone,
// so sums do not depend on the number of threads.
#pragma once

#include <algorithm>
#include <numeric>

#include "engine/parallel.h"
#include "kernels/cpu/simd.h"
#include "kernels/operands.h"

namespace sec::kernels::cpu::SEC_ISA {

constexpr std::int64_t block_floats = 8192;  // 32 KiB: a block is read twice, the second time from L1 or L2

// Calls function(i) for i in [0, count), in parallel only if all calls together touch enough elements.
template <typename Function>
void for_blocks(std::int64_t count, std::int64_t elements, Function&& function) {
  if (elements <= 4 * block_floats) {
    for (std::int64_t i = 0; i < count; ++i) {
      function(i);
    }
  } else {
    parallel_for(count, function);
  }
}

// Loads or stores up to `width` elements. The branch disappears if `n` is a constant.
inline F32 load_lanes(const float* from, std::int64_t n) {
  return n == width ? load(from) : load_part(from, n);
}
inline void store_lanes(float* to, F32 v, std::int64_t n) {
  n == width ? store(to, v) : store_part(to, v, n);
}

// y[i] = function(x[i]...), a vector of elements at a time.
template <typename Function, typename... Pointers>
void map(std::int64_t count, float* y, const Function& function, Pointers... x) {
  const std::int64_t blocks = (count + block_floats - 1) / block_floats;
  for_blocks(blocks, count, [&](std::int64_t block) {
    const std::int64_t end = std::min(count, (block + 1) * block_floats);
    std::int64_t i = block * block_floats;
    for (; i + width <= end; i += width) {
      store(y + i, function(load(x + i)...));
    }
    if (i < end) {
      store_part(y + i, function(load_part(x + i, end - i)...), end - i);
    }
  });
}

// Splits a (rows, C) matrix into blocks of rows and into vectors.
// A period is the smallest number of whole rows whose floats are a multiple of the vector width.
// Vectors meet the same channels once per period.
struct RowBlocks {
  std::int64_t c;
  std::int64_t rows_at_once = width / std::gcd(c, std::int64_t{width});
  std::int64_t period = rows_at_once * c;

  explicit RowBlocks(std::int64_t channels) : c(channels) {}

  // Rows per block.
  std::int64_t block_rows() const { return std::max<std::int64_t>(block_floats / period, 1) * rows_at_once; }
  std::int64_t blocks(std::int64_t rows) const { return (rows + block_rows() - 1) / block_rows(); }

  // to[p] = value(p % c) for p in [0, period).
  template <typename Value>
  void repeat(float* to, const Value& value) const {
    for (std::int64_t p = 0; p < period; ++p) {
      to[p] = value(p % c);
    }
  }

  // Calls body(e, p, n) for elements [e, e + n) of `rows` rows; p = e % period is their offset in the period.
  template <typename Body>
  void for_each_vector(std::int64_t rows, const Body& body) const {
    const std::int64_t whole = rows / rows_at_once * period;
    for (std::int64_t e = 0; e < whole; e += period) {
      for (std::int64_t p = 0; p < period; p += width) {
        body(e + p, p, std::int64_t{width});
      }
    }
    const std::int64_t rest = rows * c - whole;
    for (std::int64_t p = 0; p < rest; p += width) {
      body(whole + p, p, std::min<std::int64_t>(width, rest - p));
    }
  }

  // Sums `Count` terms over `rows` rows. term(e, p, n, values) writes the terms of elements [e, e + n).
  // values[k] receives term k. The sum of term k for a channel goes to sums[k * c + channel].
  // `folded` is scratch of Count * period floats.
  template <int Count, typename Term>
  void sum_rows(std::int64_t rows, const Term& term, float* folded, float* sums) const {
    constexpr int chains = 4;  // independent sums, to hide the latency of additions
    const std::int64_t groups = rows / rows_at_once;
    const std::int64_t rest = (rows - groups * rows_at_once) * c;
    for (std::int64_t p = 0; p < period; p += width) {
      F32 sum[chains][Count] = {};
      F32 values[Count];
      std::int64_t g = 0;
      for (; g + chains <= groups; g += chains) {
        for (int i = 0; i < chains; ++i) {
          term((g + i) * period + p, p, std::int64_t{width}, values);
          for (int k = 0; k < Count; ++k) {
            sum[i][k] += values[k];
          }
        }
      }
      for (; g < groups; ++g) {
        term(g * period + p, p, std::int64_t{width}, values);
        for (int k = 0; k < Count; ++k) {
          sum[0][k] += values[k];
        }
      }
      if (p < rest) {
        term(groups * period + p, p, std::min<std::int64_t>(width, rest - p), values);
        for (int k = 0; k < Count; ++k) {
          sum[1][k] += values[k];
        }
      }
      for (int k = 0; k < Count; ++k) {
        store(folded + k * period + p, (sum[0][k] + sum[1][k]) + (sum[2][k] + sum[3][k]));
      }
    }
    for (int k = 0; k < Count; ++k) {
      for (std::int64_t channel = 0; channel < c; ++channel) {
        float total = 0;
        for (std::int64_t r = 0; r < rows_at_once; ++r) {
          total += folded[k * period + r * c + channel];
        }
        sums[k * c + channel] = total;
      }
    }
  }
};

}  // namespace sec::kernels::cpu::SEC_ISA
