#include "bench/traffic/instructions.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>

#include "engine/error.h"
#include "engine/load_bias.h"

namespace sec::simt {
namespace {

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Parses a scalar or packed SSE/AVX mnemonic: an optional v, the operation's name, the operands' type.
unsigned operations_of_mnemonic(std::string_view mnemonic) {
  if (mnemonic.starts_with('v')) {
    mnemonic.remove_prefix(1);
  }
  if (mnemonic.size() < 5) {
    return 0;
  }
  const std::string_view type = mnemonic.substr(mnemonic.size() - 2);
  const std::string_view name = mnemonic.substr(0, mnemonic.size() - 2);
  const unsigned elements = type == "ss" || type == "sd" ? 1 : type == "ps" ? 4 : type == "pd" ? 2 : 0;
  if (is_one_of(name, {"add", "sub", "mul", "div", "sqrt", "min", "max"})) {
    return elements;
  }
  return name.starts_with("fmadd") || name.starts_with("fmsub") || name.starts_with("fnmadd") ? 2 * elements
                                                                                              : 0;
}

unsigned operations_of_call(std::string_view instruction) {
  const std::size_t begin = instruction.find('<');
  const std::size_t end = instruction.find_first_of("@>", begin);
  if (begin == std::string_view::npos || end == std::string_view::npos) {
    return 0;
  }
  std::string_view name = instruction.substr(begin + 1, end - begin - 1);
  if (name.ends_with('f') && name != "erf") {
    name.remove_suffix(1);
  }
  if (name == "fma") {
    return 2;
  }
  return is_one_of(name, {"exp", "exp2", "expm1", "log", "log1p", "log2", "tanh", "pow", "sqrt", "fmin",
                          "fmax", "floor", "erf", "sin", "cos", "nearbyint"})
             ? 1
             : 0;
}

}  // namespace

unsigned float_operations_of(const char* instruction) {
  const std::string_view text = instruction;
  const std::string_view mnemonic = text.substr(0, text.find_first_of(" \n"));
  return mnemonic == "call" || mnemonic == "jmp" ? operations_of_call(text)
                                                 : operations_of_mnemonic(mnemonic);
}

std::unordered_map<std::uintptr_t, unsigned> float_operations(const std::vector<std::uintptr_t>& places) {
  std::unordered_map<std::uintptr_t, unsigned> result;
  if (places.empty()) {
    return result;
  }
  for (const std::uintptr_t place : places) {
    result[place] = 0;
  }
  const std::uintptr_t bias = load_bias();
  const auto [first, last] = std::minmax_element(places.begin(), places.end());
  constexpr std::uintptr_t longest = 64 * 1024;  // the longest basic block, in bytes
  const std::string command =
      fmt::format("objdump -d --no-show-raw-insn --start-address={:#x} --stop-address={:#x} /proc/{}/exe",
                  *first - bias, *last - bias + longest, getpid());
  FILE* const listing = popen(command.c_str(), "r");
  require(listing != nullptr, "counters: objdump cannot be run");
  std::array<char, 4096> line;
  unsigned* now = nullptr;  // the basic block of the current line
  std::size_t found = 0;
  while (std::fgets(line.data(), line.size(), listing) != nullptr) {
    // "   12f4e:\tmulss  %xmm1,%xmm0"
    const std::string_view text = line.data();
    const std::size_t colon = text.find(":\t");
    const std::size_t begin = text.find_first_not_of(' ');
    if (colon == std::string_view::npos || begin >= colon) {
      now = nullptr;  // a line with a function's name
      continue;
    }
    std::uintptr_t address = 0;
    std::from_chars(line.data() + begin, line.data() + colon, address, 16);
    const auto run = result.find(address + bias);
    if (run != result.end()) {
      now = &run->second;
      ++found;
    }
    const char* const instruction = line.data() + colon + 2;
    const std::string_view words = text.substr(colon + 2);
    if (words.find("<__sanitizer_cov_trace_pc") != std::string_view::npos) {
      now = nullptr;
    }
    if (now != nullptr) {
      *now += float_operations_of(instruction);
    }
    if (words.starts_with("jmp") || words.starts_with("ret")) {
      now = nullptr;
    }
  }
  const int status = pclose(listing);
  require(status == 0 && found == result.size(),
          "counters: objdump shows {} of {} places that were executed; is binutils installed?", found,
          result.size());
  return result;
}

}  // namespace sec::simt
