// Text from untrusted files: UTF-8 (RFC 3629), Latin-1, and what may be shown in a message or on a terminal.
#pragma once

#include <string>
#include <string_view>

namespace sec::io {

// Rejects stray or missing continuation bytes, overlong forms, surrogates, and code points above U+10FFFF.
bool is_utf8(std::string_view text);

// ASCII letters in lower case; other characters stay.
std::string lower(std::string_view text);

bool has_control_characters(std::string_view text);

// Returns UTF-8 as it is. Any other text is taken for Latin-1, in which old devices write names and comments, and is
// converted. Bytes 0x80 to 0x9F, which have no letters in Latin-1, become '?'.
std::string to_utf8(std::string_view text);

// Replaces what a terminal could take for a command by '?': control characters other than tab and line feed, the code
// points U+0080 to U+009F, and bytes that are not UTF-8.
std::string for_terminal(std::string_view text);

// Replaces DEL and the code points U+0080 to U+009F in JSON by escapes such as \u009b. Other control characters are
// escaped by whoever writes the JSON.
std::string escaped_controls(std::string_view json);

// The first 60 bytes with control characters replaced, so that a message stays on one line.
std::string for_message(std::string_view text);

}  // namespace sec::io
