#include "io/files/utf8.h"

#include <algorithm>
#include <cstddef>

#include "engine/utf8.h"

namespace sec::io {
namespace {

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_character(text);
    if (length == 0) {
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

bool has_control_characters(std::string_view text) {
  return std::ranges::any_of(text, is_control);
}

std::string for_message(std::string_view text) {
  constexpr std::size_t shown = 60;
  std::size_t end = std::min(text.size(), shown);
  while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) {
    --end;  // do not cut within a character
  }
  std::string line(text.substr(0, end));
  std::ranges::replace_if(line, is_control, '?');
  return is_utf8(line) ? line : "(not UTF-8)";
}

}  // namespace sec::io
