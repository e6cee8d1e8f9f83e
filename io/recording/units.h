// Physical units of signals.
#pragma once

#include <string_view>

namespace sec::io {

// The factor that converts a voltage unit to mV; 0 if `unit` is not a voltage.
double millivolts_per(std::string_view unit);

}  // namespace sec::io
