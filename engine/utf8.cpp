#include "engine/utf8.h"

#include <algorithm>
#include <cstdint>

namespace sec {

std::size_t utf8_character(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char first = text.empty() ? 0xFF : byte(0);
  const std::size_t length = first < 0x80             ? 1
                             : (first & 0xE0) == 0xC0 ? 2
                             : (first & 0xF0) == 0xE0 ? 3
                             : (first & 0xF8) == 0xF0 ? 4
                                                      : 0;
  if (length == 0 || length > text.size()) {
    return 0;
  }
  std::uint32_t point = length == 1 ? first : first & (0x7FU >> length);
  for (std::size_t k = 1; k < length; ++k) {
    if ((byte(k) & 0xC0) != 0x80) {
      return 0;
    }
    point = point << 6 | (byte(k) & 0x3FU);
  }
  constexpr std::uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  return point < smallest[length] || point > 0x10FFFF || surrogate ? 0 : length;
}

std::string one_line(std::string text) {
  constexpr std::size_t longest = 1500;
  constexpr std::size_t tail = 500;
  constexpr std::string_view omission = " ... ";
  if (text.size() > longest) {
    text.replace(longest - tail, text.size() - longest, omission);
  }
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_character(std::string_view(text).substr(at));
    const bool is_c1 = length == 2 && text[at] == '\xC2' && static_cast<unsigned char>(text[at + 1]) < 0xA0;
    if (is_c1) {
      text.replace(at, 2, "??");
    } else if (length == 0 || static_cast<unsigned char>(text[at]) < 0x20 || text[at] == 0x7f) {
      text[at] = '?';
    }
    at += std::max<std::size_t>(length, 1);
  }
  return text;
}

}  // namespace sec
