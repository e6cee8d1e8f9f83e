// Follows elements of tensors from global memory by way of registers and shared memory to the operands of products, by
// their values: what a thread has loaded is what it stores or multiplies next with the same bits.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/simt/block.h"
#include "tools/kernel_lab/trace.h"

namespace sec::lab {

class Values {
 public:
  void clear();

  // The codes (trace.h) of 2 bytes of shared memory.
  void put(std::uintptr_t address, std::int64_t code) { shared_[address] = code; }
  std::int64_t at(std::uintptr_t address) const;  // `computed` if nothing is known

  // A thread loads an element from global memory. `bits`: its value as f32.
  void load_global(unsigned thread, std::uint32_t bits, std::int64_t code);
  // The code of a word that a thread stores: a thread stores values in the order in which it has loaded them, so
  // the oldest that is equal is the one.
  std::int64_t stored(unsigned thread, std::uint32_t bits);

  // A thread loads 4 bytes from shared memory into a register, or names a row of 16 bytes for ldmatrix.
  void load_shared(unsigned thread, std::uintptr_t address);
  // A thread loads 16 bytes of f32 from shared memory. It may store them there again, rounded to TF32.
  void load_to_round(unsigned thread, std::uintptr_t address);
  // Whether a word that a thread stores in shared memory is what it has loaded from there, rounded to TF32.
  bool rounds_in_place(unsigned thread, std::uintptr_t address, std::uint32_t bits) const;
  void name_row(unsigned thread, std::uintptr_t address) { threads_[thread].row = address; }
  // ldmatrix has given each lane of the warp its registers.
  void load_matrices(unsigned warp, const simt::WarpOperands& operands);

  // Appends the codes of an operand's registers: those of the thread's latest registers in a row that have these bits,
  // which may be rounded to TF32. `halves`: a register holds two bf16.
  void append_operand(unsigned thread, std::span<const unsigned> registers, bool halves,
                      std::vector<std::int64_t>& codes) const;

 private:
  struct Held {
    std::uint32_t bits;
    std::int64_t code;
  };
  struct Register {
    std::uint32_t bits;
    std::array<std::int64_t, 2> code;  // of both halves
  };
  struct Thread {
    std::deque<Held> held;
    std::deque<Register> registers;
    std::uintptr_t row = 0;
    std::unordered_map<std::uintptr_t, std::uint32_t> loaded;  // words of shared memory, rounded to TF32
  };
  void push(unsigned thread, const Register& loaded);

  std::array<Thread, simt::max_threads> threads_;
  std::unordered_map<std::uintptr_t, std::int64_t> shared_;
};

}  // namespace sec::lab
