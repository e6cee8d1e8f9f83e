// Units of recordings.
#pragma once

#include <string_view>

namespace sec::io {

// The factor that turns a voltage's unit into mV; 0 for other quantities.
double millivolts_per(std::string_view unit);

}  // namespace sec::io
