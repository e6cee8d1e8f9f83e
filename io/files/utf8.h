// Text from files of unknown origin: whether it is UTF-8 (RFC 3629), and as much of it as a message can show.
#pragma once

#include <string>
#include <string_view>

namespace sec::io {

// No stray or missing continuation bytes, no overlong forms, surrogates, or code points above U+10FFFF.
bool is_utf8(std::string_view text);

bool has_control_characters(std::string_view text);

// The first 60 bytes, control characters replaced: one line whatever the text holds.
std::string for_message(std::string_view text);

}  // namespace sec::io
