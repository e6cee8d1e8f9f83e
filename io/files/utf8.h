// Checks text from untrusted files for UTF-8 (RFC 3629) and shortens it for error messages.
#pragma once

#include <string>
#include <string_view>

namespace sec::io {

// Rejects stray or missing continuation bytes, overlong forms, surrogates, and code points above U+10FFFF.
bool is_utf8(std::string_view text);

bool has_control_characters(std::string_view text);

// The first 60 bytes with control characters replaced, so that a message stays on one line.
std::string for_message(std::string_view text);

}  // namespace sec::io
