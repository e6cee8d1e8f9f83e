// The characters of UTF-8 text (RFC 3629).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sec {

// The bytes of the character with which `text` begins, from 1 to 4. 0 if the text is empty or does not begin with
// UTF-8: a stray or missing continuation byte, an overlong form, a surrogate, or a code point above U+10FFFF.
std::size_t utf8_character(std::string_view text);

// Makes a text that may quote a file fit for one line of a message. Control characters and bytes that are not UTF-8
// become '?'. Of a text of more than 1500 bytes, the beginning and the end are kept.
std::string one_line(std::string text);

}  // namespace sec
