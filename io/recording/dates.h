// Dates as files state them.
#pragma once

#include <string>
#include <string_view>

namespace sec::io {

// Converts "2014-05-08" (ISO 8601), "8-May-2014" (month in any case) and "08.05.2014" to "08/05/2014".
// Returns an empty text for anything else.
std::string numeric_date(std::string_view text);

}  // namespace sec::io
