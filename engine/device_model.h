// What measurements of a device hold for.
#pragma once

#include <string>

#include "engine/device.h"

namespace sec {

// The GPU by its maker's name; hosts as name_of(). Throws Error if the device is not available here.
std::string model_of(Device device);

}  // namespace sec
