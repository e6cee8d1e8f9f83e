// Comparisons, arithmetic in f32, conversions, predicates and votes of a warp.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>

#include "bench/forecast/warp.h"
#include "io/models/half.h"

namespace sec::forecast {

std::uint32_t Warp::compare(const Instruction& one, std::size_t a, std::uint32_t mask, bool reals) const {
  const std::string& how = one.modifiers[0];
  if (reals) {
    const Lanes x = real(one, a, mask);
    const Lanes y = real(one, a + 1, mask);
    const bool unordered = how.size() == 3 && how[2] == 'U';
    const std::string_view order = std::string_view(how).substr(0, 2);
    return each_bit([&](std::size_t l) {
      const float p = as_float(x[l]);
      const float q = as_float(y[l]);
      if (std::isnan(p) || std::isnan(q)) {
        return unordered || how == "NAN";
      }
      return order == "LT"   ? p < q
             : order == "LE" ? p <= q
             : order == "GT" ? p > q
             : order == "GE" ? p >= q
             : order == "EQ" ? p == q
             : order == "NE" ? p != q
                             : how == "NUM";
    });
  }
  const Lanes x = integer(one, a, mask);
  const Lanes y = integer(one, a + 1, mask);
  // Signed numbers are shifted by 2^31, which keeps their order, to be compared as unsigned ones.
  const std::uint32_t shift = one.has("U32") ? 0 : 0x80000000U;
  const bool upper = one.has("EX");  // of 64-bit numbers, whose lower halves were compared before
  const std::uint32_t lower = upper ? holds(one.operands[a + 3]) : 0;
  const bool less = how[0] == 'L';
  const bool greater = how[0] == 'G';
  const bool with_equal = how == "LE" || how == "GE" || how == "EQ";
  return each_bit([&](std::size_t l) {
    const std::uint32_t p = x[l] + shift;
    const std::uint32_t q = y[l] + shift;
    if (p == q) {
      return upper ? (lower >> l & 1U) != 0 : with_equal;
    }
    return less ? p < q : greater ? p > q : how == "NE";
  });
}

// NOLINTNEXTLINE(readability-function-size): a case per instruction
void Warp::compute_real(const Instruction& one, std::uint32_t mask) {
  const std::vector<Operand>& operands = one.operands;
  const auto bit = [](std::uint32_t bits, std::size_t l) { return bits >> l & 1U; };
  switch (one.handler) {
    case h_isetp:
    case h_fsetp: {
      const std::uint32_t compared = compare(one, 2, mask, one.handler == h_fsetp);
      const std::uint32_t other = holds(operands[4]);
      const bool either = one.has("OR");
      const bool exclusive = one.has("XOR");
      const auto join = [&](std::uint32_t value) {
        return exclusive ? value ^ other : either ? value | other : value & other;
      };
      write_predicate(operands[0], join(compared), mask);
      write_predicate(operands[1], join(~compared), mask);
      break;
    }
    case h_vote: {
      const std::uint32_t votes = holds(operands.back()) & mask;
      const bool result = one.has("ALL")  ? votes == mask
                          : one.has("EQ") ? votes == mask || votes == 0
                                          : votes != 0;
      for (std::size_t i = 0; i + 1 < operands.size(); ++i) {
        if (is_predicate(operands[i])) {
          write_predicate(operands[i], result ? all_lanes : 0, mask);
        } else {
          write(operands[i], each([&](std::size_t) { return votes; }), mask);
        }
      }
      break;
    }
    case h_p2r: {  // P2R Rd, PR, Ra, bits: predicates into a byte of Ra
      const Lanes a = integer(one, 2, mask);
      const std::uint32_t kept = operands[3].bits;
      const unsigned shift = one.has("B1") ? 8 : one.has("B2") ? 16 : one.has("B3") ? 24 : 0;
      write(operands[0], each([&](std::size_t l) {
              std::uint32_t bits = 0;
              for (std::size_t p = 0; p < 7; ++p) {
                bits |= bit(predicate_[p], l) << p;
              }
              return (a[l] & ~(kept << shift)) | (bits & kept) << shift;
            }),
            mask);
      break;
    }
    case h_r2p: {  // R2P PR, Ra, bits
      const Lanes a = integer(one, 1, mask);
      const std::uint32_t kept = operands[2].bits;
      const unsigned shift = one.has("B1") ? 8 : one.has("B2") ? 16 : one.has("B3") ? 24 : 0;
      for (std::size_t p = 0; p < 7; ++p) {
        if ((kept >> p & 1U) != 0) {
          const std::uint32_t bits = each_bit([&](std::size_t l) { return (a[l] >> (shift + p) & 1U) != 0; });
          predicate_[p] = (predicate_[p] & ~mask) | (bits & mask);
        }
      }
      break;
    }
    case h_i2f: {
      const bool is_wide = one.has("U64") || one.has("S64");
      const bool is_signed = !one.has("U32") && !one.has("U64") && !one.has("U16") && !one.has("U8");
      const bool up = one.has("RP");
      const Lanes low = integer(one, 1, mask);
      const std::array<std::uint64_t, lanes> both =
          is_wide ? wide(one, 1, mask) : std::array<std::uint64_t, lanes>{};
      write(operands[0], each([&](std::size_t l) {
              const std::uint64_t bits = is_wide ? both[l]
                                         : is_signed
                                             ? static_cast<std::uint64_t>(std::int64_t{as_signed(low[l])})
                                         : one.has("U16") ? low[l] & 0xFFFFU
                                         : one.has("U8")  ? low[l] & 0xFFU
                                                          : low[l];
              const long double exact = is_signed ? static_cast<long double>(static_cast<std::int64_t>(bits))
                                                  : static_cast<long double>(bits);
              auto value = static_cast<float>(exact);
              if (up && value < exact) {
                value = std::nextafter(value, std::numeric_limits<float>::infinity());
              }
              return as_bits(value);
            }),
            mask);
      break;
    }
    case h_f2i: {
      const Lanes a = real(one, 1, mask);
      const bool is_signed = !one.has("U32") && !one.has("U64");
      const bool is_wide = one.has("U64") || one.has("S64");
      std::array<std::uint64_t, lanes> value{};
      for (std::size_t l = 0; l < lanes; ++l) {
        long double x = as_float(a[l]);
        x = std::isnan(x)      ? 0
            : one.has("TRUNC") ? std::trunc(x)
            : one.has("FLOOR") ? std::floor(x)
            : one.has("CEIL")  ? std::ceil(x)
                               : std::nearbyint(x);
        const int bits = is_wide ? 64 : 32;
        const long double most = std::ldexp(1.0L, is_signed ? bits - 1 : bits) - 1;
        const long double least = is_signed ? -std::ldexp(1.0L, bits - 1) : 0.0L;
        x = std::clamp(x, least, most);
        value[l] = is_signed ? static_cast<std::uint64_t>(static_cast<std::int64_t>(x))
                             : static_cast<std::uint64_t>(x);
      }
      if (is_wide) {
        write_wide(operands[0], value, mask);
      } else {
        write(operands[0], each([&](std::size_t l) { return static_cast<std::uint32_t>(value[l]); }), mask);
      }
      break;
    }
    case h_f2fp: {  // F2FP packs two; F2F converts one
      const bool packs = one.name == "F2FP" && operands.size() > 2;
      const Lanes a = real(one, 1, mask);
      const Lanes b = packs ? real(one, 2, mask) : Lanes{};
      write(operands[0], each([&](std::size_t l) {
              return packs ? to_bf16(as_float(a[l])) << 16 | to_bf16(as_float(b[l]))
                           : to_bf16(as_float(a[l]));
            }),
            mask);
      break;
    }
    case h_fadd:
    case h_fmul:
    case h_ffma:
    case h_fminmax: {
      const Lanes a = real(one, 1, mask);
      const Lanes b = real(one, 2, mask);
      const Lanes c = one.handler == h_ffma ? real(one, 3, mask) : Lanes{};
      const std::uint32_t smaller = one.handler == h_fminmax ? holds(operands[3]) : 0;
      write(operands[0], each([&](std::size_t l) {
              const float x = as_float(a[l]);
              const float y = as_float(b[l]);
              return as_bits(one.handler == h_fadd   ? x + y
                             : one.handler == h_fmul ? x * y
                             : one.handler == h_ffma ? x * y + as_float(c[l])
                             : bit(smaller, l) != 0  ? std::fmin(x, y)
                                                     : std::fmax(x, y));
            }),
            mask);
      break;
    }
    case h_fchk:  // whether a quotient needs the slow path
    case h_predicate_false:
      for (const Operand& operand : operands) {
        if (!is_predicate(operand)) {
          break;
        }
        write_predicate(operand, 0, mask);
        if (one.handler == h_fchk) {
          break;
        }
      }
      break;
    case h_mufu: {
      const Lanes a = real(one, 1, mask);
      const std::string& of = one.modifiers[0];
      write(operands[0], each([&](std::size_t l) {
              const float x = as_float(a[l]);
              return as_bits(of == "RCP"    ? 1.0F / x
                             : of == "RSQ"  ? 1.0F / std::sqrt(x)
                             : of == "SQRT" ? std::sqrt(x)
                             : of == "EX2"  ? std::exp2(x)
                             : of == "LG2"  ? std::log2(x)
                             : of == "SIN"  ? std::sin(x)
                             : of == "COS"  ? std::cos(x)
                             : of == "TANH" ? std::tanh(x)
                                            : 0.0F);
            }),
            mask);
      break;
    }
    case h_plop3: {  // Pd, Pe, a, b, c, table, table
      const std::uint32_t a = holds(operands[2]);
      const std::uint32_t b = holds(operands[3]);
      const std::uint32_t c = holds(operands[4]);
      for (std::size_t to = 0; to < 2; ++to) {
        const std::uint32_t table = operands[5 + to].bits;
        std::uint32_t value = 0;
        for (unsigned k = 0; k < 8; ++k) {
          if ((table >> k & 1U) != 0) {
            value |= ((k & 4U) != 0 ? a : ~a) & ((k & 2U) != 0 ? b : ~b) & ((k & 1U) != 0 ? c : ~c);
          }
        }
        write_predicate(operands[to], value, mask);
      }
      break;
    }
    case h_hfma2:  // nvcc moves constants with it: -0 * 0 + two halves
      if (operands.size() == 5 && operands[1].index == zero_register &&
          operands[3].kind == Operand::Kind::number) {
        const std::uint32_t bits = std::uint32_t{io::f16(as_float(operands[3].bits)).bits} << 16 |
                                   io::f16(as_float(operands[4].bits)).bits;
        write(operands[0], each([&](std::size_t) { return bits; }), mask);
      }
      break;
    case h_shfl: {  // P, Rd, Ra, b, c
      const Lanes a = integer(one, 2, mask);
      const Lanes b = integer(one, 3, mask);
      const Lanes c = integer(one, 4, mask);
      std::uint32_t inside = 0;
      const Lanes value = each([&](std::size_t l) {
        const auto lane = static_cast<std::uint32_t>(l);
        const std::uint32_t segment = c[l] >> 8 & 31U;
        const std::uint32_t most = (lane & segment) | (c[l] & 31U & ~segment);
        const std::uint32_t source = one.has("IDX")    ? (lane & segment) | (b[l] & 31U & ~segment)
                                     : one.has("BFLY") ? lane ^ (b[l] & 31U)
                                     : one.has("DOWN") ? lane + (b[l] & 31U)
                                                       : lane - (b[l] & 31U);
        const bool reads = one.has("UP") ? as_signed(source) >= as_signed(most) : source <= most;
        inside |= static_cast<std::uint32_t>(reads) << l;
        return a[reads ? source & 31U : l];
      });
      write(operands[1], value, mask);
      write_predicate(operands[0], inside, mask);
      break;
    }
    case h_redux: {
      const Lanes a = integer(one, 1, mask);
      std::uint32_t sum = 0;
      for (std::size_t l = 0; l < lanes; ++l) {
        sum += bit(mask, l) != 0 ? a[l] : 0;
      }
      write(operands[0], each([&](std::size_t) { return sum; }), mask);
      break;
    }
    default:
      block_.fail_at(one, "this instruction is not known");
  }
}

}  // namespace sec::forecast
