// The hardware model of a device. Measurements are valid for one model only.
#pragma once

#include <string>

#include "engine/device.h"

namespace sec {

// The GPU's product name on cuda; name_of(device) on cpu and simt. Throws Error if cuda is unavailable.
std::string model_of(Device device);

}  // namespace sec
