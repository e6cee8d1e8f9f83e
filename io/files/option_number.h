// Checks the values of numeric options.
#pragma once

#include <cmath>
#include <cstdlib>
#include <string>

namespace sec::io {

// An option's check that refuses "nan", which is in every range as far as comparisons can tell. Returns the error, or "".
inline std::string refuse_nan(const std::string& text) {
  return std::isnan(std::strtod(text.c_str(), nullptr)) ? "Value " + text + " is not a number"
                                                        : std::string();
}

}  // namespace sec::io
