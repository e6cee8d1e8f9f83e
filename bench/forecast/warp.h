// One warp of a block that machine.h executes: its registers, its groups of diverged threads, and its instructions.
//
// Threads of a warp that took different branches are separate groups, which run one after the other until a convergence
// barrier (BSSY, BSYNC) joins them, as on a GPU. Each instruction of a group counts as issued once, predicated or not.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "bench/forecast/machine.h"
#include "engine/error.h"

namespace sec::forecast {

inline constexpr int lanes = 32;
inline constexpr std::uint32_t all_lanes = 0xFFFFFFFFU;
inline constexpr int zero_register = 255, zero_uniform = 63, true_predicate = 7;
// Where kernel parameters begin in constant bank 0 of sm_90, and what else nvcc reads there.
inline constexpr std::size_t parameters_at = 0x210;
inline constexpr std::size_t stack_pointer_at = 0x28;
inline constexpr std::uint32_t local_bytes = 16 * 1024;
inline constexpr std::size_t shared_bytes = 256 * 1024;
inline constexpr std::uint64_t most_issued = 100'000'000;  // of a block; more is an endless loop

using Lanes = std::array<std::uint32_t, lanes>;

// What an instruction does. The families are in warp.cpp, integers.cpp, reals.cpp and transfers.cpp.
enum Handler : int {
  // control
  h_nothing,
  h_bssy,
  h_bsync,
  h_break,
  h_bra,
  h_bra_diverged,
  h_call,
  h_ret,
  h_exit,
  h_barrier,
  // integers
  h_mov,
  h_iadd,
  h_iadd3,
  h_imad,
  h_lea,
  h_shf,
  h_lop3,
  h_sel,
  h_minmax,
  h_add_minmax,
  h_iabs,
  h_popc,
  h_flo,
  h_brev,
  h_prmt,
  h_bmsk,
  h_sgxt,
  // numbers, predicates, votes
  h_isetp,
  h_fsetp,
  h_vote,
  h_p2r,
  h_r2p,
  h_i2f,
  h_f2i,
  h_f2fp,
  h_fadd,
  h_fmul,
  h_ffma,
  h_fminmax,
  h_fchk,
  h_predicate_false,
  h_mufu,
  h_plop3,
  h_hfma2,
  h_shfl,
  h_redux,
  // moves and memory
  h_special,
  h_clear,
  h_to_uniform,
  h_ldc,
  h_load_global,
  h_store_global,
  h_copy_async,
  h_atomic,
  h_load_shared,
  h_store_shared,
  h_load_local,
  h_store_local,
  h_bmov
};
constexpr bool is_integer(int handler) {
  return handler >= h_mov && handler < h_isetp;
}
constexpr bool is_transfer(int handler) {
  return handler >= h_special;
}

inline float as_float(std::uint32_t bits) {
  return std::bit_cast<float>(bits);
}
inline std::uint32_t as_bits(float value) {
  return std::bit_cast<std::uint32_t>(value);
}
inline std::int32_t as_signed(std::uint32_t bits) {
  return static_cast<std::int32_t>(bits);
}

inline std::uint32_t to_bf16(float value) {
  const std::uint32_t bits = as_bits(value);
  return (bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16;
}

// A group of threads of a warp that run together.
struct Group {
  enum class State : std::uint8_t { ready, at_sync, at_barrier };
  std::uint32_t mask = 0;
  std::size_t pc = 0;
  State state = State::ready;
  int sync = 0;  // the convergence barrier that the group waits at
};

struct ThreadBlock {
  const Kernel& kernel;
  const RecordedLaunch& launch;
  std::array<unsigned, 3> index;
  BlockRun run;
  std::vector<unsigned char> constants;
  std::vector<unsigned char> shared;

  [[noreturn]] void fail_at(const Instruction& one, const char* what) const {
    fail("{} {}: block ({}, {}, {}): '{}': {}", kernel.file, kernel.name, index[0], index[1], index[2],
         one.text, what);
  }
};

class Warp {
 public:
  Warp(ThreadBlock& block, unsigned number) : block_(block), number_(number) {
    const unsigned threads = block.launch.size.threads();
    const unsigned left = threads - number * lanes;
    live_ = left >= lanes ? all_lanes : (1U << left) - 1;
    predicate_[true_predicate] = all_lanes;
    uniform_predicate_[true_predicate] = all_lanes;
    groups_.push_back({live_, 0, Group::State::ready, 0});
  }

  // Runs until every thread has exited or waits at a block barrier.
  void go_on();
  bool done() const { return groups_.empty(); }
  void leave_barrier() {
    for (Group& group : groups_) {
      group.state = Group::State::ready;
    }
  }
  std::uint64_t issued() const { return issued_; }

 private:
  ThreadBlock& block_;
  unsigned number_;
  std::uint32_t live_ = 0;
  std::vector<Group> groups_;
  std::array<Lanes, 256> reg_{};
  std::array<Lanes, 65> uniform_{};
  std::array<std::uint32_t, 8> predicate_{};
  std::array<std::uint32_t, 8> uniform_predicate_{};
  std::array<Lanes, 16> convergence_{};  // the threads that each thread waits for, by convergence barrier
  std::vector<unsigned char> local_;
  std::uint64_t issued_ = 0;

  // ---- operands ----

  std::uint32_t constant(const Instruction& one, const Operand& operand, int lane, std::int64_t more) const {
    std::int64_t offset = operand.offset + more;
    const auto l = static_cast<std::size_t>(lane);
    if (operand.base >= 0) {
      offset += as_signed(reg_[static_cast<std::size_t>(operand.base)][l]);
    }
    if (operand.uniform_base >= 0) {
      offset += as_signed(uniform_[static_cast<std::size_t>(operand.uniform_base)][l]);
    }
    if (operand.bank != 0) {
      return 0;  // tables of constants: nothing that a branch depends on
    }
    if (offset < 0 || static_cast<std::size_t>(offset) + 4 > block_.constants.size()) {
      block_.fail_at(one, "reads behind the kernel's parameters");
    }
    std::uint32_t value = 0;
    std::memcpy(&value, block_.constants.data() + offset, 4);
    return value;
  }

  // The value of an operand in each lane; `word` 1 is the upper half of a pair.
  Lanes raw(const Instruction& one, const Operand& operand, std::uint32_t mask, int word = 0) const {
    using Kind = Operand::Kind;
    Lanes value{};
    switch (operand.kind) {
      case Kind::reg:
        return operand.index == zero_register ? value : reg_[static_cast<std::size_t>(operand.index + word)];
      case Kind::uniform:
        return operand.index == zero_uniform ? value
                                             : uniform_[static_cast<std::size_t>(operand.index + word)];
      case Kind::number:
        value.fill(word == 0 ? operand.bits : 0);
        return value;
      case Kind::constant:
        if (operand.base < 0) {
          value.fill(constant(one, operand, 0, 4 * word));
        } else {
          for (int l = 0; l < lanes; ++l) {
            if ((mask >> l & 1U) != 0) {
              value[static_cast<std::size_t>(l)] = constant(one, operand, l, 4 * word);
            }
          }
        }
        return value;
      case Kind::predicate:
      case Kind::uniform_predicate: {
        const std::uint32_t bits = holds(operand);
        for (int l = 0; l < lanes; ++l) {
          value[static_cast<std::size_t>(l)] = bits >> l & 1U;
        }
        return value;
      }
      default:
        block_.fail_at(one, "this operand has no value");
    }
  }

  Lanes integer(const Instruction& one, std::size_t i, std::uint32_t mask, int word = 0) const {
    const Operand& operand = one.operands[i];
    Lanes value = raw(one, operand, mask, word);
    if (operand.negated) {
      for (auto& v : value) {
        v = 0U - v;
      }
    } else if (operand.inverted) {
      for (auto& v : value) {
        v = ~v;
      }
    }
    return value;
  }

  std::array<std::uint64_t, lanes> wide(const Instruction& one, std::size_t i, std::uint32_t mask) const {
    const Operand& operand = one.operands[i];
    const Lanes low = raw(one, operand, mask, 0);
    const Lanes high = raw(one, operand, mask, 1);
    std::array<std::uint64_t, lanes> value{};
    for (std::size_t l = 0; l < lanes; ++l) {
      value[l] = std::uint64_t{high[l]} << 32 | low[l];
      if (operand.negated) {
        value[l] = 0U - value[l];
      } else if (operand.inverted) {
        value[l] = ~value[l];
      }
    }
    return value;
  }

  Lanes real(const Instruction& one, std::size_t i, std::uint32_t mask) const {
    const Operand& operand = one.operands[i];
    Lanes value = raw(one, operand, mask);
    for (auto& v : value) {
      v = (operand.absolute ? v & 0x7FFFFFFFU : v) ^ (operand.negated ? 0x80000000U : 0U);
    }
    return value;
  }

  std::uint32_t holds(const Operand& operand) const {
    const auto i = static_cast<std::size_t>(operand.index);
    const std::uint32_t bits =
        operand.kind == Operand::Kind::predicate ? predicate_[i] : uniform_predicate_[i];
    return operand.negated ? ~bits : bits;
  }

  static bool is_predicate(const Operand& operand) {
    return operand.kind == Operand::Kind::predicate || operand.kind == Operand::Kind::uniform_predicate;
  }

  void write(const Operand& operand, const Lanes& value, std::uint32_t mask, int word = 0) {
    if (operand.kind == Operand::Kind::uniform) {
      if (operand.index != zero_uniform && mask != 0) {
        uniform_[static_cast<std::size_t>(operand.index + word)].fill(
            value[static_cast<std::size_t>(std::countr_zero(mask))]);
      }
      return;
    }
    if (operand.index == zero_register) {
      return;
    }
    Lanes& to = reg_[static_cast<std::size_t>(operand.index + word)];
    if (mask == all_lanes) {
      to = value;
      return;
    }
    for (std::size_t l = 0; l < lanes; ++l) {
      to[l] = (mask >> l & 1U) != 0 ? value[l] : to[l];
    }
  }

  void write_wide(const Operand& operand, const std::array<std::uint64_t, lanes>& value, std::uint32_t mask) {
    Lanes low{};
    Lanes high{};
    for (std::size_t l = 0; l < lanes; ++l) {
      low[l] = static_cast<std::uint32_t>(value[l]);
      high[l] = static_cast<std::uint32_t>(value[l] >> 32);
    }
    write(operand, low, mask, 0);
    write(operand, high, mask, 1);
  }

  void write_predicate(const Operand& operand, std::uint32_t value, std::uint32_t mask) {
    if (operand.index == true_predicate || mask == 0) {
      return;
    }
    const auto i = static_cast<std::size_t>(operand.index);
    if (operand.kind == Operand::Kind::uniform_predicate) {
      uniform_predicate_[i] = (value >> std::countr_zero(mask) & 1U) != 0 ? all_lanes : 0;
    } else {
      predicate_[i] = (predicate_[i] & ~mask) | (value & mask);
    }
  }

  template <typename Of>
  static Lanes each(const Of& of) {
    Lanes value{};
    for (std::size_t l = 0; l < lanes; ++l) {
      value[l] = of(l);
    }
    return value;
  }
  template <typename Of>
  static std::uint32_t each_bit(const Of& of) {
    std::uint32_t bits = 0;
    for (std::size_t l = 0; l < lanes; ++l) {
      bits |= static_cast<std::uint32_t>(of(l)) << l;
    }
    return bits;
  }

  // ---- memory ----

  std::uint64_t address(const Operand& operand, std::size_t lane) const {
    std::uint64_t value = 0;
    if (operand.base >= 0 && operand.base != zero_register) {
      const auto base = static_cast<std::size_t>(operand.base);
      const std::uint64_t low = reg_[base][lane];
      value = operand.wide ? std::uint64_t{reg_[base + 1][lane]} << 32 | low
                           : low * static_cast<std::uint64_t>(operand.scale);
    }
    if (operand.uniform_base >= 0 && operand.uniform_base != zero_uniform) {
      const auto base = static_cast<std::size_t>(operand.uniform_base);
      const bool pair = operand.uniform_wide || (operand.wide && operand.base >= 0);
      value +=
          pair ? std::uint64_t{uniform_[base + 1][lane]} << 32 | uniform_[base][lane] : uniform_[base][lane];
    }
    return value + static_cast<std::uint64_t>(operand.offset);
  }

  static unsigned width_of(const Instruction& one) {
    if (one.has("128")) {
      return 16;
    }
    if (one.has("64")) {
      return 8;
    }
    if (one.has("U16") || one.has("S16") || one.has("16")) {
      return 2;
    }
    return one.has("U8") || one.has("S8") || one.has("8") ? 1 : 4;
  }

  void access_global(const Instruction& one, const Operand& operand, std::uint32_t mask, bool stores);

  // Writes a loaded value, of 1 to 16 bytes per lane, to consecutive registers.
  template <typename At>
  void load_to(const Instruction& one, const Operand& to, std::uint32_t mask, const At& at) {
    const unsigned width = width_of(one);
    std::array<const unsigned char*, lanes> from{};  // the loaded value may overwrite the address
    for (std::size_t l = 0; l < lanes; ++l) {
      from[l] = (mask >> l & 1U) != 0 ? at(l) : nullptr;
    }
    for (unsigned word = 0; word < (width + 3) / 4; ++word) {
      Lanes value{};
      for (std::size_t l = 0; l < lanes; ++l) {
        if (from[l] != nullptr) {
          std::memcpy(&value[l], from[l] + 4 * word, std::min(width, 4U));
        }
        value[l] = one.has("S8")    ? static_cast<std::uint32_t>(static_cast<std::int8_t>(value[l]))
                   : one.has("S16") ? static_cast<std::uint32_t>(static_cast<std::int16_t>(value[l]))
                                    : value[l];
      }
      write(to, value, mask, static_cast<int>(word));
    }
  }

  unsigned char* in_shared(const Instruction& one, const Operand& operand, std::size_t lane) {
    const std::uint64_t at = address(operand, lane) & 0xFFFFFFFFU;
    if (at + 16 > block_.shared.size()) {
      block_.fail_at(one, "accesses shared memory behind its end");
    }
    return block_.shared.data() + at;
  }

  unsigned char* in_local(const Instruction& one, const Operand& operand, std::size_t lane) {
    if (local_.empty()) {
      local_.resize(std::size_t{local_bytes} * lanes);
    }
    const std::uint64_t at = address(operand, lane) & 0xFFFFFFFFU;
    if (at + 16 > local_bytes) {
      block_.fail_at(one, "accesses local memory behind its end");
    }
    return local_.data() + lane * local_bytes + at;
  }

  template <typename At>
  void store_from(const Instruction& one, const Operand& from, std::uint32_t mask, const At& at) {
    const unsigned width = width_of(one);
    for (unsigned word = 0; word < (width + 3) / 4; ++word) {
      const Lanes value = raw(one, from, mask, static_cast<int>(word));
      for (std::size_t l = 0; l < lanes; ++l) {
        if ((mask >> l & 1U) != 0) {
          std::memcpy(at(l) + 4 * word, &value[l], std::min(width, 4U));
        }
      }
    }
  }

  // ---- control ----

  // Sends the threads of `mask` to instruction `to`; the others of the group stay.
  void branch(Group& group, std::uint32_t mask, std::size_t to) {
    if (mask == group.mask) {
      group.pc = to;
    } else if (mask != 0) {
      groups_.push_back({mask, to, Group::State::ready, 0});
      group.mask &= ~mask;
    }
  }

  // Releases convergence barriers that all their threads have reached.
  void join_groups();

  void step(Group& group);
  void compute_integer(const Instruction& one, std::uint32_t mask);
  void compute_real(const Instruction& one, std::uint32_t mask);
  void transfer(const Instruction& one, std::uint32_t mask);
  std::uint32_t compare(const Instruction& one, std::size_t a, std::uint32_t mask, bool reals) const;
};

}  // namespace sec::forecast
