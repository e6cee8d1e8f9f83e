// Text for HTML pages and SVG pictures. Pages are written as well-formed XML too, so that a test can parse
// them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sec::train {

// The text, safe between tags and inside quoted attributes. Bytes that are not UTF-8 and control characters,
// which no page may hold, become U+FFFD.
std::string escape(std::string_view text);

std::string count_text(std::int64_t count);  // "45,866"
std::string percent_text(double share,
                         int digits = 1);  // 0.9321: "93.2 %" (no-break space); an en dash if not finite
std::string ratio_text(double value, int digits = 3);  // 0.8523: "0.852"; an en dash if not finite
std::string time_text(double seconds);                 // "0:12:03.4" of a recording: h:mm:ss.s
std::string duration_text(double seconds);             // "2 min 05 s"

}  // namespace sec::train
