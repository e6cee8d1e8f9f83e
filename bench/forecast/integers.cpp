// Integer arithmetic of a warp.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>

#include "bench/forecast/warp.h"

namespace sec::forecast {

// NOLINTNEXTLINE(readability-function-size): a case per instruction
void Warp::compute_integer(const Instruction& one, std::uint32_t mask) {
  const std::vector<Operand>& operands = one.operands;
  const auto carry_in = [&](std::size_t i) { return i < operands.size() ? holds(operands[i]) : 0; };
  const auto bit = [](std::uint32_t bits, std::size_t l) { return bits >> l & 1U; };
  switch (one.handler) {
    case h_mov:
      write(operands[0], integer(one, 1, mask), mask);
      break;
    case h_iadd: {
      const Lanes a = integer(one, 1, mask);
      const Lanes b = integer(one, 2, mask);
      write(operands[0], each([&](std::size_t l) { return a[l] + b[l]; }), mask);
      break;
    }
    case h_iadd3: {
      std::size_t i = 1;
      while (is_predicate(operands[i])) {
        ++i;
      }
      const bool extended = one.has("X");
      const std::uint32_t carry_a = extended ? carry_in(i + 3) : 0;
      const std::uint32_t carry_b = extended ? carry_in(i + 4) : 0;
      Lanes low{};
      std::uint32_t first = 0;
      std::uint32_t second = 0;
      std::array<Lanes, 3> terms;
      std::array<std::uint32_t, 3> more{};  // -x is ~x + 1: the 1 may carry
      for (std::size_t t = 0; t < 3; ++t) {
        const Operand& operand = operands[i + t];
        terms[t] = raw(one, operand, mask);
        if (operand.negated || operand.inverted) {
          for (auto& v : terms[t]) {
            v = ~v;
          }
          more[t] = operand.negated ? 1 : 0;
        }
      }
      for (std::size_t l = 0; l < lanes; ++l) {
        const std::uint64_t sum =
            std::uint64_t{terms[0][l]} + more[0] + terms[1][l] + more[1] + bit(carry_a, l);
        const std::uint64_t all = (sum & 0xFFFFFFFFU) + terms[2][l] + more[2] + bit(carry_b, l);
        low[l] = static_cast<std::uint32_t>(all);
        const auto carries = static_cast<std::uint32_t>((sum >> 32) + (all >> 32));
        first |= static_cast<std::uint32_t>(carries >= 1) << l;
        second |= static_cast<std::uint32_t>(carries >= 2) << l;
      }
      write(operands[0], low, mask);
      if (i > 1) {
        write_predicate(operands[1], first, mask);
      }
      if (i > 2) {
        write_predicate(operands[2], second, mask);
      }
      break;
    }
    case h_imad: {
      std::size_t i = 1;
      while (is_predicate(operands[i])) {
        ++i;
      }
      const bool is_signed = !one.has("U32");
      const bool high = one.has("HI");
      const std::uint32_t carry = one.has("X") ? carry_in(i + 3) : 0;
      const Lanes a = integer(one, i, mask);
      const Lanes b = integer(one, i + 1, mask);
      if (!one.has("WIDE") && !high) {
        const Lanes c = integer(one, i + 2, mask);
        write(operands[0], each([&](std::size_t l) { return a[l] * b[l] + c[l] + bit(carry, l); }), mask);
        break;
      }
      const std::array<std::uint64_t, lanes> c = wide(one, i + 2, mask);
      std::array<std::uint64_t, lanes> result{};
      std::uint32_t carries = 0;
      for (std::size_t l = 0; l < lanes; ++l) {
        const std::uint64_t product =
            is_signed ? static_cast<std::uint64_t>(std::int64_t{as_signed(a[l])} * as_signed(b[l]))
                      : std::uint64_t{a[l]} * b[l];
        const std::uint64_t sum = product + c[l];
        result[l] = sum + bit(carry, l);
        carries |= static_cast<std::uint32_t>(sum < product || result[l] < sum) << l;
      }
      if (high) {
        write(operands[0], each([&](std::size_t l) { return static_cast<std::uint32_t>(result[l] >> 32); }),
              mask);
      } else {
        write_wide(operands[0], result, mask);
      }
      if (i > 1) {
        write_predicate(operands[1], carries, mask);
      }
      break;
    }
    case h_lea: {
      std::size_t i = 1;
      while (is_predicate(operands[i])) {
        ++i;
      }
      const bool high = one.has("HI");
      const bool sign_extended = one.has("SX32");
      const std::size_t shift_at = high && !sign_extended ? i + 3 : i + 2;
      const Lanes a = integer(one, i, mask);
      const Operand& b_operand = operands[i + 1];
      Lanes b = raw(one, b_operand, mask);
      if (b_operand.negated || b_operand.inverted) {
        for (auto& v : b) {
          v = ~v;
        }
      }
      const std::uint32_t more = b_operand.negated ? 1 : 0;
      const std::uint32_t shift = raw(one, operands[shift_at], mask)[0] & 31U;
      const std::uint32_t carry = one.has("X") ? carry_in(shift_at + 1) : 0;
      const Lanes upper = high && !sign_extended ? integer(one, i + 2, mask) : Lanes{};
      Lanes result{};
      std::uint32_t carries = 0;
      for (std::size_t l = 0; l < lanes; ++l) {
        std::uint64_t value = sign_extended ? static_cast<std::uint64_t>(std::int64_t{as_signed(a[l])})
                                            : std::uint64_t{upper[l]} << 32 | a[l];
        value <<= shift;
        const std::uint64_t shifted = high ? value >> 32 : value & 0xFFFFFFFFU;
        const std::uint64_t sum = (shifted & 0xFFFFFFFFU) + b[l] + more + bit(carry, l);
        result[l] = static_cast<std::uint32_t>(sum);
        carries |= static_cast<std::uint32_t>(sum >> 32 != 0) << l;
      }
      write(operands[0], result, mask);
      if (i > 1) {
        write_predicate(operands[1], carries, mask);
      }
      break;
    }
    case h_shf: {
      const Lanes low = integer(one, 1, mask);
      const Lanes shift = integer(one, 2, mask);
      const Lanes high = integer(one, 3, mask);
      const bool left = one.has("L");
      const bool wraps = one.has("W");
      const bool upper = one.has("HI");
      const bool is_signed = one.has("S32") || one.has("S64");
      const bool both = one.has("U64") || one.has("S64");
      write(operands[0], each([&](std::size_t l) {
              const std::uint32_t most = both ? 63 : 32;
              const std::uint32_t by = wraps ? shift[l] & (both ? 63U : 31U) : std::min(shift[l], most);
              std::uint64_t value = std::uint64_t{high[l]} << 32 | low[l];
              if (left) {
                value <<= by;
                return static_cast<std::uint32_t>(upper ? value >> 32 : value);
              }
              // A 32-bit shift of the upper half reads zeros or the sign above it; the others read both halves.
              value = is_signed ? static_cast<std::uint64_t>(static_cast<std::int64_t>(value) >> by)
                                : value >> by;
              return static_cast<std::uint32_t>(upper ? value >> 32 : value);
            }),
            mask);
      break;
    }
    case h_lop3: {
      std::size_t i = 0;
      const bool first = is_predicate(operands[0]);
      i = first ? 1 : 0;
      const Operand& to = operands[i];
      const Lanes a = integer(one, i + 1, mask);
      const Lanes b = integer(one, i + 2, mask);
      const Lanes c = integer(one, i + 3, mask);
      const std::uint32_t table = operands[i + 4].bits;
      const Lanes result = each([&](std::size_t l) {
        std::uint32_t value = 0;
        for (unsigned k = 0; k < 8; ++k) {
          if ((table >> k & 1U) != 0) {
            value |= ((k & 4U) != 0 ? a[l] : ~a[l]) & ((k & 2U) != 0 ? b[l] : ~b[l]) &
                     ((k & 1U) != 0 ? c[l] : ~c[l]);
          }
        }
        return value;
      });
      write(to, result, mask);
      if (first) {
        write_predicate(operands[0], each_bit([&](std::size_t l) { return result[l] != 0; }), mask);
      }
      break;
    }
    case h_sel: {
      const bool reals = one.name == "FSEL";
      const Lanes a = reals ? real(one, 1, mask) : integer(one, 1, mask);
      const Lanes b = reals ? real(one, 2, mask) : integer(one, 2, mask);
      const std::uint32_t chosen = holds(operands[3]);
      write(operands[0], each([&](std::size_t l) { return bit(chosen, l) != 0 ? a[l] : b[l]; }), mask);
      break;
    }
    case h_minmax:
    case h_add_minmax: {
      Lanes a = integer(one, 1, mask);
      std::size_t next = 2;
      if (one.handler == h_add_minmax) {
        const Lanes more = integer(one, next++, mask);
        for (std::size_t l = 0; l < lanes; ++l) {
          a[l] += more[l];
        }
      }
      const Lanes b = integer(one, next, mask);
      const std::uint32_t smaller = holds(operands[next + 1]);
      const std::uint32_t shift = one.has("U32") ? 0 : 0x80000000U;
      write(operands[0], each([&](std::size_t l) {
              return (a[l] + shift < b[l] + shift) == (bit(smaller, l) != 0) ? a[l] : b[l];
            }),
            mask);
      break;
    }
    case h_iabs: {
      const Lanes a = integer(one, 1, mask);
      write(operands[0], each([&](std::size_t l) { return as_signed(a[l]) < 0 ? 0U - a[l] : a[l]; }), mask);
      break;
    }
    case h_popc: {
      const Lanes a = integer(one, 1, mask);
      write(operands[0], each([&](std::size_t l) { return static_cast<std::uint32_t>(std::popcount(a[l])); }),
            mask);
      break;
    }
    case h_flo: {
      const Lanes a = integer(one, 1, mask);
      const bool as_shift = one.has("SH");
      write(operands[0], each([&](std::size_t l) -> std::uint32_t {
              const std::uint32_t v = !one.has("U32") && as_signed(a[l]) < 0 ? ~a[l] : a[l];
              if (v == 0) {
                return all_lanes;
              }
              const auto zeros = static_cast<std::uint32_t>(std::countl_zero(v));
              return as_shift ? zeros : 31 - zeros;
            }),
            mask);
      break;
    }
    case h_brev: {
      const Lanes a = integer(one, 1, mask);
      write(operands[0], each([&](std::size_t l) {
              std::uint32_t value = 0;
              for (unsigned k = 0; k < 32; ++k) {
                value |= (a[l] >> k & 1U) << (31 - k);
              }
              return value;
            }),
            mask);
      break;
    }
    case h_prmt: {
      const Lanes a = integer(one, 1, mask);
      const Lanes selector = integer(one, 2, mask);
      const Lanes c = integer(one, 3, mask);
      write(operands[0], each([&](std::size_t l) {
              const std::uint64_t bytes = std::uint64_t{c[l]} << 32 | a[l];
              std::uint32_t value = 0;
              for (unsigned k = 0; k < 4; ++k) {
                const std::uint32_t choice = selector[l] >> 4 * k & 15U;
                auto byte = static_cast<std::uint32_t>(bytes >> 8 * (choice & 7U) & 0xFFU);
                byte = (choice & 8U) != 0 ? ((byte & 0x80U) != 0 ? 0xFFU : 0U) : byte;
                value |= byte << 8 * k;
              }
              return value;
            }),
            mask);
      break;
    }
    case h_bmsk: {
      const Lanes a = integer(one, 1, mask);
      const Lanes b = integer(one, 2, mask);
      write(operands[0], each([&](std::size_t l) {
              const std::uint64_t ones = b[l] >= 32 ? all_lanes : (std::uint64_t{1} << b[l]) - 1;
              return a[l] >= 32 ? 0U : static_cast<std::uint32_t>(ones << a[l]);
            }),
            mask);
      break;
    }
    case h_sgxt: {
      const Lanes a = integer(one, 1, mask);
      const Lanes b = integer(one, 2, mask);
      write(operands[0], each([&](std::size_t l) -> std::uint32_t {
              const std::uint32_t bits = std::min(b[l], 32U);
              if (bits == 0) {
                return 0;
              }
              const std::uint32_t up = a[l] << (32 - bits);
              return one.has("U32") ? up >> (32 - bits)
                                    : static_cast<std::uint32_t>(as_signed(up) >> (32 - bits));
            }),
            mask);
      break;
    }
    default:
      block_.fail_at(one, "this instruction is not known");
  }
}

}  // namespace sec::forecast
