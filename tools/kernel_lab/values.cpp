#include "tools/kernel_lab/values.h"

#include <algorithm>
#include <cstring>

#include "engine/simt/block.h"

namespace sec::lab {
namespace {

constexpr std::size_t most_held = 256;  // values that are followed per thread

std::uint32_t to_tf32(std::uint32_t bits) {
  return (bits + 0x1000U) & 0xffffe000U;
}

}  // namespace

void Values::clear() {
  for (Thread& thread : threads_) {
    thread = {};
  }
  shared_.clear();
}

std::int64_t Values::at(std::uintptr_t address) const {
  const auto found = shared_.find(address & ~std::uintptr_t{1});
  return found == shared_.end() ? computed : found->second;
}

void Values::load_global(unsigned thread, std::uint32_t bits, std::int64_t code) {
  auto& held = threads_[thread].held;
  held.push_back({bits, code});
  if (held.size() > most_held) {
    held.pop_front();
  }
}

std::int64_t Values::stored(unsigned thread, std::uint32_t bits) {
  if (bits == 0) {
    return zero;
  }
  auto& held = threads_[thread].held;
  const auto same = std::find_if(held.begin(), held.end(), [&](const Held& one) { return one.bits == bits; });
  if (same == held.end()) {
    return computed;
  }
  const std::int64_t code = same->code;
  held.erase(same);
  return code;
}

void Values::push(unsigned thread, const Register& loaded) {
  auto& registers = threads_[thread].registers;
  registers.push_back(loaded);
  if (registers.size() > most_held) {
    registers.pop_front();
  }
}

void Values::load_shared(unsigned thread, std::uintptr_t address) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, reinterpret_cast<const void*>(address), 4);
  push(thread, {bits, {at(address), at(address + 2)}});
}

void Values::load_to_round(unsigned thread, std::uintptr_t address) {
  for (unsigned byte = 0; byte < 16; byte += 4) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, reinterpret_cast<const void*>(address + byte), 4);
    threads_[thread].loaded[address + byte] = to_tf32(bits);
  }
}

bool Values::rounds_in_place(unsigned thread, std::uintptr_t address, std::uint32_t bits) const {
  const auto found = threads_[thread].loaded.find(address);
  return found != threads_[thread].loaded.end() && found->second == bits;
}

void Values::load_matrices(unsigned warp, const simt::WarpOperands& operands) {
  for (unsigned lane = 0; lane < simt::warp_size; ++lane) {
    const auto& mine = *static_cast<const simt::LoadMatrix*>(operands.lane[lane]);
    for (unsigned m = 0; m < static_cast<unsigned>(mine.matrices); ++m) {
      const auto element = [&](unsigned row, unsigned column) {
        return at(threads_[warp * simt::warp_size + m * 8 + row].row + column * 2);
      };
      const unsigned i = lane / 4;
      const unsigned j = lane % 4 * 2;
      push(warp * simt::warp_size + lane, mine.transposed
                                              ? Register{mine.result[m], {element(j, i), element(j + 1, i)}}
                                              : Register{mine.result[m], {element(i, j), element(i, j + 1)}});
    }
  }
}

void Values::append_operand(unsigned thread, std::span<const unsigned> operand, bool halves,
                            std::vector<std::int64_t>& codes) const {
  const auto& registers = threads_[thread].registers;
  const auto found = std::find_end(registers.begin(), registers.end(), operand.begin(), operand.end(),
                                   [&](const Register& one, unsigned bits) {
                                     return one.bits == bits || (!halves && to_tf32(one.bits) == bits);
                                   });
  for (std::size_t r = 0; r < operand.size(); ++r) {
    for (unsigned half = 0; half < (halves ? 2U : 1U); ++half) {
      codes.push_back(found == registers.end() ? computed
                                               : (found + static_cast<std::ptrdiff_t>(r))->code[half]);
    }
  }
}

}  // namespace sec::lab
