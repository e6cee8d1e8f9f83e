// The results of warp collectives, computed when all lanes have passed their operands.
#include <bit>

#include "engine/dtype.h"
#include "engine/simt/observer.h"
#include "engine/simt/runtime.h"

namespace sec::simt {
namespace {

template <typename Operand, typename Function>
void for_each_lane(const WarpOperands& operands, Function function) {
  for (unsigned lane = 0; lane < 32; ++lane) {
    if (operands.lane[lane] != nullptr) {
      function(*static_cast<Operand*>(operands.lane[lane]), lane);
    }
  }
}

template <typename T, typename Function>
void reduce(const WarpOperands& operands, Function function) {
  T total{};
  bool is_first = true;
  for_each_lane<Vote>(operands, [&](Vote& vote, unsigned) {
    const auto value = static_cast<T>(vote.value);
    total = is_first ? value : function(total, value);
    is_first = false;
  });
  for_each_lane<Vote>(operands, [&](Vote& vote, unsigned) { vote.result = static_cast<unsigned>(total); });
}

float bf16_at(unsigned packed, int half) {
  bf16 value;
  value.bits = static_cast<std::uint16_t>(packed >> (16 * half));
  return static_cast<float>(value);
}

// Tensor cores read the upper 19 bits of an f32.
float tf32_of(unsigned bits) {
  return std::bit_cast<float>(bits & 0xffffe000U);
}

// d (16, 8) = a (16, k) b (k, 8) + c (16, 8).
// Registers 0 and 1 of c and d hold row lane / 4; registers 2 and 3 hold row lane / 4 + 8.
// Register r holds column lane % 4 * 2 + r % 2.
template <int k>
void multiply(const WarpOperands& operands, const float (&a)[16][k], const float (&b)[k][8]) {
  if (observed()) {
    observer::tensor_product(2 * 16 * 8 * k);
  }
  for_each_lane<Mma>(operands, [&](Mma& mma, unsigned lane) {
    float sums[4];
    for (unsigned r = 0; r < 4; ++r) {
      const unsigned row = lane / 4 + (r / 2) * 8;
      const unsigned column = lane % 4 * 2 + r % 2;
      float sum = mma.c[r];
      for (int i = 0; i < k; ++i) {
        sum += a[row][i] * b[i][column];
      }
      sums[r] = sum;
    }
    for (int r = 0; r < 4; ++r) {
      mma.d[r] = sums[r];
    }
  });
}

}  // namespace

void complete_shuffle(const WarpOperands& operands) {
  for_each_lane<Shuffle>(operands, [&](Shuffle& shuffle, unsigned) {
    const auto* source = static_cast<const Shuffle*>(operands.lane[shuffle.source % 32]);
    // A source lane outside the mask has no value: the result is the NaN pattern.
    shuffle.result = source != nullptr ? source->value : std::uint64_t{unwritten} << 32 | unwritten;
  });
}

void complete_ballot(const WarpOperands& operands) {
  unsigned bits = 0;
  for_each_lane<Vote>(operands,
                      [&](Vote& vote, unsigned lane) { bits |= (vote.value != 0 ? 1U : 0U) << lane; });
  for_each_lane<Vote>(operands, [&](Vote& vote, unsigned) { vote.result = bits; });
}

void complete_add(const WarpOperands& operands) {
  reduce<unsigned>(operands, [](unsigned a, unsigned b) { return a + b; });
}
void complete_min(const WarpOperands& operands) {
  reduce<unsigned>(operands, [](unsigned a, unsigned b) { return a < b ? a : b; });
}
void complete_max(const WarpOperands& operands) {
  reduce<unsigned>(operands, [](unsigned a, unsigned b) { return a > b ? a : b; });
}
void complete_min_signed(const WarpOperands& operands) {
  reduce<int>(operands, [](int a, int b) { return a < b ? a : b; });
}
void complete_max_signed(const WarpOperands& operands) {
  reduce<int>(operands, [](int a, int b) { return a > b ? a : b; });
}
void complete_and(const WarpOperands& operands) {
  reduce<unsigned>(operands, [](unsigned a, unsigned b) { return a & b; });
}
void complete_or(const WarpOperands& operands) {
  reduce<unsigned>(operands, [](unsigned a, unsigned b) { return a | b; });
}
void complete_xor(const WarpOperands& operands) {
  reduce<unsigned>(operands, [](unsigned a, unsigned b) { return a ^ b; });
}

// PTX ISA, "Matrix fragments for mma.m16n8k16 with floating point type":
// a: row lane / 4 (+ 8 in registers 1 and 3), columns lane % 4 * 2 + {0, 1} (+ 8 in registers 2 and 3);
// b: rows lane % 4 * 2 + {0, 1} (+ 8 in register 1), column lane / 4.
void complete_mma_m16n8k16_bf16(const WarpOperands& operands) {
  float a[16][16];
  float b[16][8];
  for_each_lane<Mma>(operands, [&](const Mma& mma, unsigned lane) {
    for (unsigned r = 0; r < 4; ++r) {
      for (unsigned half = 0; half < 2; ++half) {
        a[lane / 4 + r % 2 * 8][lane % 4 * 2 + half + r / 2 * 8] = bf16_at(mma.a[r], static_cast<int>(half));
      }
    }
    for (unsigned r = 0; r < 2; ++r) {
      for (unsigned half = 0; half < 2; ++half) {
        b[lane % 4 * 2 + half + r * 8][lane / 4] = bf16_at(mma.b[r], static_cast<int>(half));
      }
    }
  });
  multiply<16>(operands, a, b);
}

// PTX ISA, "Matrix fragments for mma.m16n8k8", type .tf32:
// a: row lane / 4 (+ 8 in registers 1 and 3), column lane % 4 (+ 4 in registers 2 and 3);
// b: row lane % 4 (+ 4 in register 1), column lane / 4.
void complete_mma_m16n8k8_tf32(const WarpOperands& operands) {
  float a[16][8];
  float b[8][8];
  for_each_lane<Mma>(operands, [&](const Mma& mma, unsigned lane) {
    for (unsigned r = 0; r < 4; ++r) {
      a[lane / 4 + r % 2 * 8][lane % 4 + r / 2 * 4] = tf32_of(mma.a[r]);
    }
    for (unsigned r = 0; r < 2; ++r) {
      b[lane % 4 + r * 4][lane / 4] = tf32_of(mma.b[r]);
    }
  });
  multiply<8>(operands, a, b);
}

// ldmatrix .m8n8.b16: lane i passes row i % 8 of matrix i / 8. Lane l receives the elements
// (l / 4, l % 4 * 2 + {0, 1}) of each matrix, or (l % 4 * 2 + {0, 1}, l / 4) if transposed.
void complete_load_matrix(const WarpOperands& operands) {
  for_each_lane<LoadMatrix>(operands, [&](const LoadMatrix& mine, unsigned lane) {
    for (unsigned m = 0; m < static_cast<unsigned>(mine.matrices); ++m) {
      const auto element = [&](unsigned row, unsigned column) {
        const auto* holder = static_cast<const LoadMatrix*>(operands.lane[m * 8 + row]);
        return holder->row[column / 2] >> (16 * (column % 2)) & 0xffffU;
      };
      const unsigned i = lane / 4;
      const unsigned j = lane % 4 * 2;
      mine.result[m] =
          mine.transposed ? element(j, i) | element(j + 1, i) << 16 : element(i, j) | element(i, j + 1) << 16;
    }
  });
}

}  // namespace sec::simt
