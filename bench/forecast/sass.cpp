#include "bench/forecast/sass.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>

#include "engine/error.h"

namespace sec::forecast {
namespace {

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Splits at commas. Operands contain none.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find(separator), text.size());
    parts.push_back(trim(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

bool is_number(std::string_view text, std::size_t from) {
  return from < text.size() && std::all_of(text.begin() + static_cast<std::ptrdiff_t>(from), text.end(),
                                           [](char c) { return c >= '0' && c <= '9'; });
}

int number_after(std::string_view text, std::size_t from) {
  int value = 0;
  std::from_chars(text.data() + from, text.data() + text.size(), value);
  return value;
}

std::int64_t hexadecimal(std::string_view text) {
  const bool minus = text.starts_with('-');
  text.remove_prefix(minus ? 3 : 2);
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return minus ? -static_cast<std::int64_t>(value) : static_cast<std::int64_t>(value);
}

bool is_hexadecimal(std::string_view text) {
  return text.starts_with("0x") || text.starts_with("-0x");
}

// R5, R5.64, R5.X4, RZ, UR5, URZ: the register's number, or -1 if it is none. 255 and 63 are always zero.
int register_of(std::string_view text, bool uniform) {
  if (uniform != text.starts_with('U')) {
    return -1;
  }
  text.remove_prefix(uniform ? 1 : 0);
  text = text.substr(0, text.find('.'));
  if (text == "RZ") {
    return uniform ? 63 : 255;
  }
  return text.starts_with('R') && is_number(text, 1) ? number_after(text, 1) : -1;
}

// The terms between the brackets of an address: R2.64+UR4+0x10. False if a term is not understood.
bool read_terms(std::string_view text, Operand& operand) {
  for (const std::string_view term : split(text, '+')) {
    if (is_hexadecimal(term)) {
      operand.offset += hexadecimal(term);
    } else if (const int number = register_of(term, false); number >= 0) {
      operand.base = number;
      operand.wide = operand.wide || term.find(".64") != std::string_view::npos;
      if (const auto scale = term.find(".X"); scale != std::string_view::npos) {
        operand.scale = number_after(term, scale + 2);
      }
    } else if (const int uniform = register_of(term, true); uniform >= 0) {
      operand.uniform_base = uniform;
      operand.uniform_wide = term.find(".64") != std::string_view::npos;
    } else {
      return false;
    }
  }
  return true;
}

bool read_operand(std::string_view text, Operand& operand) {
  using Kind = Operand::Kind;
  if (text.starts_with('!')) {
    operand.negated = true;
    text.remove_prefix(1);
  }
  const bool minus = text.starts_with('-') && text.size() > 1 && !is_hexadecimal(text) &&
                     (text[1] == 'R' || text[1] == 'U' || text[1] == '|' || text[1] == 'c');
  if (minus || text.starts_with('~')) {
    (minus ? operand.negated : operand.inverted) = true;
    text.remove_prefix(1);
  }
  if (text.starts_with('|')) {
    operand.absolute = true;
    text = text.substr(1, text.rfind('|') - 1);
  }
  for (const std::string_view note : {".reuse", ".H0_H0", ".H1_H1", ".COL", ".ROW", ".F32", ".64", ".U32"}) {
    if (!text.starts_with("desc") && !text.starts_with('[') && text.ends_with(note)) {
      operand.wide = operand.wide || note == ".64";
      text.remove_suffix(note.size());
    }
  }
  if (const auto label = text.find("`("); label != std::string_view::npos) {
    operand.kind = Kind::name;
    operand.name = text.substr(label + 2, text.rfind(')') - label - 2);
    return true;
  }
  if (text.starts_with("c[") || text.starts_with("cx[")) {
    const auto close = text.find(']');
    operand.kind = Kind::constant;
    const std::string_view bank = text.substr(text.find('[') + 1, close - text.find('[') - 1);
    operand.bank = is_hexadecimal(bank) ? static_cast<int>(hexadecimal(bank)) : -1;
    return read_terms(text.substr(close + 2, text.rfind(']') - close - 2), operand);
  }
  if (text.starts_with("desc[") || text.starts_with("gdesc[")) {
    const auto close = text.find(']');
    operand.kind = Kind::address;
    return read_terms(text.substr(close + 2, text.rfind(']') - close - 2), operand);
  }
  if (text.starts_with('[')) {
    operand.kind = Kind::address;
    return read_terms(text.substr(1, text.rfind(']') - 1), operand);
  }
  if (const int number = register_of(text, false); number >= 0) {
    operand.kind = Kind::reg;
    operand.index = number;
    return true;
  }
  if (const int number = register_of(text, true); number >= 0) {
    operand.kind = Kind::uniform;
    operand.index = number;
    return true;
  }
  for (const std::string_view kind : {"UP", "P"}) {
    if (text.starts_with(kind) && (is_number(text, kind.size()) || text.substr(kind.size()) == "T")) {
      operand.kind = kind == "P" ? Kind::predicate : Kind::uniform_predicate;
      operand.index = text.ends_with('T') ? 7 : number_after(text, kind.size());
      return true;
    }
  }
  if (text.starts_with('B') && is_number(text, 1)) {
    operand.kind = Kind::barrier;
    operand.index = number_after(text, 1);
    return true;
  }
  if (is_hexadecimal(text)) {
    operand.kind = Kind::number;
    operand.bits = static_cast<std::uint32_t>(hexadecimal(text));
    return true;
  }
  const std::string copy(text);
  if (copy == "+INF" || copy == "-INF" || copy == "+QNAN" || copy == "-QNAN") {
    operand.kind = Kind::number;
    operand.bits = copy == "+INF" ? 0x7F800000U : copy == "-INF" ? 0xFF800000U : 0x7FFFFFFFU;
    return true;
  }
  char* end = nullptr;
  const float value = std::strtof(copy.c_str(), &end);
  if (end != copy.c_str() && *end == '\0') {
    operand.kind = Kind::number;
    operand.bits = std::bit_cast<std::uint32_t>(value);
    return true;
  }
  operand.kind = Kind::name;
  operand.name = copy;
  return !copy.empty();
}

Instruction read_instruction(std::string_view text, const std::string& place) {
  Instruction result;
  result.text = text;
  result.guard.kind = Operand::Kind::predicate;
  result.guard.index = 7;
  if (text.starts_with('@')) {
    const auto end = text.find(' ');
    require(end != std::string_view::npos && read_operand(text.substr(1, end - 1), result.guard),
            "{}: expected an instruction, got '{}'", place, text);
    text = trim(text.substr(end));
  }
  const auto end = std::min(text.find(' '), text.size());
  std::vector<std::string_view> names = split(text.substr(0, end), '.');
  result.name = names.front();
  result.modifiers.assign(names.begin() + 1, names.end());
  for (const std::string& modifier : result.modifiers) {
    result.modifier_bits |= Modifier::bit_of(modifier);
  }
  for (std::string_view part : split(text.substr(end), ',')) {
    // RET prints its register and its function without a comma between them.
    const auto label = part.find(" `(");
    for (const std::string_view one :
         {part.substr(0, label), label == std::string_view::npos ? "" : part.substr(label + 1)}) {
      if (one.empty()) {
        continue;
      }
      Operand operand;
      require(read_operand(trim(one), operand), "{}: the operand '{}' is not understood", place, one);
      result.operands.push_back(std::move(operand));
    }
  }
  return result;
}

}  // namespace

std::vector<Loop> loops_of(const Kernel& kernel) {
  std::map<std::size_t, std::size_t> ends;
  for (std::size_t i = 0; i < kernel.code.size(); ++i) {
    const Instruction& one = kernel.code[i];
    if (one.name == "BRA" && one.target < i) {  // the branch to itself behind the last instruction is padding
      ends[one.target] = std::max(ends[one.target], i);
    }
  }
  std::vector<Loop> loops;
  for (const auto& [begin, end] : ends) {
    loops.push_back({begin, end});
  }
  return loops;
}

std::vector<Kernel> parse_sass(const std::string& text, const std::string& place) {
  std::vector<Kernel> kernels;
  std::map<std::string, std::uint64_t> labels;
  const auto resolve = [&] {
    if (kernels.empty()) {
      return;
    }
    for (Instruction& one : kernels.back().code) {
      if (one.name == "BRA" || one.name == "CALL" || one.name == "BSSY") {
        const std::string& label = one.operands.back().name;
        const auto target = labels.find(label);
        require(target != labels.end(), "{}: {}: no label '{}'", place, one.text, label);
        one.target = target->second;
      }
    }
  };
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    const std::string_view content = trim(line);
    const std::string at = place + ":" + std::to_string(number);
    if (content.starts_with("// kernel: ")) {
      resolve();
      labels.clear();
      const std::vector<std::string_view> words = split(content.substr(11), '|');
      require(words.size() == 2, "{}: expected '// kernel: FILE | NAME'", at);
      kernels.push_back({std::string(words[0]), std::string(words[1]), {}});
    } else if (content.starts_with("/*") && content.find("*/") != std::string_view::npos) {
      require(!kernels.empty(), "{}: expected '// kernel: FILE | NAME' before the first instruction", at);
      std::vector<Instruction>& code = kernels.back().code;
      const std::string_view address = content.substr(2, content.find("*/") - 2);
      const auto end = content.find(';');
      if (end == std::string_view::npos) {
        continue;  // a comment
      }
      std::uint64_t value = 0;
      std::from_chars(address.data(), address.data() + address.size(), value, 16);
      require(value == 16 * code.size(), "{}: expected the instruction at {:#x}", at, 16 * code.size());
      code.push_back(
          read_instruction(trim(content.substr(content.find("*/") + 2, end - content.find("*/") - 2)), at));
    } else if (content.ends_with(':') && !content.starts_with("//") && !kernels.empty()) {
      labels[std::string(content.substr(0, content.size() - 1))] = kernels.back().code.size();
    }
  }
  resolve();
  return kernels;
}

std::vector<Kernel> read_sass(const std::string& path) {
  std::ifstream file(path);
  require(file.good(), "{}: cannot be read", path);
  std::ostringstream text;
  text << file.rdbuf();
  return parse_sass(text.str(), path);
}

}  // namespace sec::forecast
