// Text for HTML pages and SVG pictures. Pages are also well-formed XML, so that a test can parse them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sec::train {

// Escapes text for use between tags and inside quoted attributes.
// Replaces bytes that are not UTF-8 and control characters, which HTML does not allow, by U+FFFD.
std::string escape(std::string_view text);

std::string count_text(std::int64_t count);                      // "45,866"
std::string counted(std::int64_t count, std::string_view noun);  // "1 epoch", "1,200 epochs"
std::string percent_text(double share, int digits = 1);  // 0.9321: "93.2 %" (no-break space); NaN: an en dash
std::string ratio_text(double value, int digits = 3);    // 0.8523: "0.852"; NaN: an en dash
std::string time_text(double seconds);                   // a time in a recording as h:mm:ss.s, "0:12:03.4"
std::string duration_text(double seconds);               // "2 min 05 s"

}  // namespace sec::train
