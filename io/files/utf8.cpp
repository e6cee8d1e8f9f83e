#include "io/files/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "engine/utf8.h"

namespace sec::io {
namespace {

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

// One of the code points U+0080 to U+009F, which some terminals take for commands.
bool is_c1(std::string_view character) {
  return character.size() == 2 && character[0] == '\xC2' && static_cast<unsigned char>(character[1]) < 0xA0;
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

std::string to_utf8(std::string_view text) {
  if (is_utf8(text)) {
    return std::string(text);
  }
  std::string converted;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      converted += c;
    } else if (byte < 0xA0) {
      converted += '?';
    } else {
      converted += static_cast<char>(0xC0 | byte >> 6);
      converted += static_cast<char>(0x80 | (byte & 0x3F));
    }
  }
  return converted;
}

std::string for_terminal(std::string_view text) {
  const auto is_plain = [](char c) { return (c >= ' ' && c <= '~') || c == '\n' || c == '\t'; };
  if (std::ranges::all_of(text, is_plain)) {
    return std::string(text);
  }
  std::string shown;
  shown.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_character(text.substr(i));
    const std::string_view character = text.substr(i, std::max<std::size_t>(length, 1));
    const bool is_shown = length == 1 ? is_plain(character.front()) : length > 1 && !is_c1(character);
    is_shown ? shown += character : shown += '?';
    i += character.size();
  }
  return shown;
}

std::string escaped_controls(std::string_view json) {
  std::string escaped;
  escaped.reserve(json.size());
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (json[i] == '\x7f') {
      escaped += "\\u007f";
    } else if (is_c1(json.substr(i, 2))) {
      escaped += fmt::format("\\u00{:02x}", static_cast<unsigned char>(json[++i]));
    } else {
      escaped += json[i];
    }
  }
  return escaped;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return result;
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
