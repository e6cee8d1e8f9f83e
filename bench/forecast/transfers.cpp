// Moves of a warp: special registers, kernel parameters, and memory.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>

#include "bench/forecast/warp.h"

namespace sec::forecast {

// NOLINTNEXTLINE(readability-function-size): a case per instruction
void Warp::transfer(const Instruction& one, std::uint32_t mask) {
  const std::vector<Operand>& operands = one.operands;
  const auto bit = [](std::uint32_t bits, std::size_t l) { return bits >> l & 1U; };
  switch (one.handler) {
    case h_special: {
      const std::string& name = operands[1].name;
      const auto& threads = block_.launch.size.block;
      const auto value = [&](std::size_t l) -> std::uint32_t {
        const unsigned thread = number_ * lanes + static_cast<unsigned>(l);
        if (name.starts_with("SR_TID.")) {
          return name.back() == 'X'   ? thread % threads[0]
                 : name.back() == 'Y' ? thread / threads[0] % threads[1]
                                      : thread / threads[0] / threads[1];
        }
        if (name.starts_with("SR_CTAID.")) {
          return block_.index[static_cast<std::size_t>(name.back() - 'X')];
        }
        if (name == "SR_LANEID") {
          return static_cast<std::uint32_t>(l);
        }
        if (name == "SR_CgaCtaId" || name == "SR_CLOCKLO") {
          return 0;
        }
        if (name == "SR_LTMASK" || name == "SR_LEMASK" || name == "SR_EQMASK") {
          return name == "SR_EQMASK" ? 1U << l : name == "SR_LTMASK" ? (1U << l) - 1 : (2U << l) - 1;
        }
        block_.fail_at(one, "this special register is not known");
      };
      write(operands[0], each(value), mask);
      break;
    }
    case h_clear:
      write(operands[0], Lanes{}, mask, 0);
      if (!one.has("32")) {
        write(operands[0], Lanes{}, mask, 1);
      }
      break;
    case h_to_uniform:
      write(operands[0], integer(one, operands.size() - 1, mask), mask);
      break;
    case h_ldc: {
      const unsigned words = (width_of(one) + 3) / 4;
      std::array<Lanes, 4> value{};  // the loaded value may overwrite the index
      for (unsigned word = 0; word < words; ++word) {
        for (std::size_t l = 0; l < lanes; ++l) {
          if (bit(mask, l) != 0) {
            const std::uint32_t bits = constant(one, operands[1], static_cast<int>(l), 4 * word);
            value[word][l] = one.has("U8") ? bits & 0xFFU : one.has("U16") ? bits & 0xFFFFU : bits;
          }
        }
      }
      for (unsigned word = 0; word < words; ++word) {
        write(operands[0], value[word], mask, static_cast<int>(word));
      }
      break;
    }
    case h_load_global: {
      const auto from = static_cast<std::size_t>(
          std::find_if(operands.begin(), operands.end(),
                       [](const Operand& o) { return o.kind == Operand::Kind::address; }) -
          operands.begin());
      access_global(one, operands[from], mask, false);
      load_to(one, operands[from - 1], mask, [&](std::size_t l) {
        // An address that the machine code computed. NOLINTNEXTLINE(performance-no-int-to-ptr)
        return reinterpret_cast<const unsigned char*>(address(operands[from], l));
      });
      break;
    }
    case h_store_global:
      access_global(one, operands[0], mask, true);
      break;
    case h_copy_async: {  // to shared memory, which keeps its content here: nothing branches on copied tensors
      const std::uint32_t present =
          mask & (is_predicate(operands.back()) ? holds(operands.back()) : all_lanes);
      access_global(one, operands[1], present, false);
      break;
    }
    case h_atomic:
      for (const Operand& operand : operands) {
        if (operand.kind == Operand::Kind::address) {
          access_global(one, operand, mask, true);
        }
      }
      break;
    case h_load_shared:
      load_to(one, operands[0], mask, [&](std::size_t l) { return in_shared(one, operands[1], l); });
      break;
    case h_store_shared:
      store_from(one, operands[1], mask, [&](std::size_t l) { return in_shared(one, operands[0], l); });
      break;
    case h_load_local:
      load_to(one, operands[0], mask, [&](std::size_t l) { return in_local(one, operands[1], l); });
      break;
    case h_store_local:
      store_from(one, operands[1], mask, [&](std::size_t l) { return in_local(one, operands[0], l); });
      break;
    case h_bmov: {  // saves or restores a convergence barrier
      const bool saves = operands[0].kind == Operand::Kind::reg;
      const auto barrier = static_cast<std::size_t>(operands[saves ? 1 : 0].index);
      if (saves) {
        write(operands[0], convergence_[barrier], mask);
      } else {
        const Lanes value = integer(one, 1, mask);
        for (std::size_t l = 0; l < lanes; ++l) {
          convergence_[barrier][l] = bit(mask, l) != 0 ? value[l] : convergence_[barrier][l];
        }
      }
      break;
    }
    default:
      block_.fail_at(one, "this instruction is not known");
  }
}

}  // namespace sec::forecast
