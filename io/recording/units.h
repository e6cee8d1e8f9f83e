// Physical units of signals.
#pragma once

#include <string_view>

namespace sec::io {

// The unit of a quantity without one, as WFDB's headers name it. A unit that is left out there means mV.
inline constexpr std::string_view no_unit = "NU";

// The factor that converts a voltage unit to mV; 0 if `unit` is not a voltage.
double millivolts_per(std::string_view unit);

}  // namespace sec::io
