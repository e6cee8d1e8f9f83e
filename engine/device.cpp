#include "engine/device.h"

#include "engine/cuda/backend.h"
#include "engine/error.h"

namespace sec {

std::string_view name_of(Device device) {
  switch (device) {
    case Device::cpu:
      return "cpu";
    case Device::cuda:
      return "cuda";
    case Device::simt:
      return "simt";
  }
  return "?";
}

std::string why_unavailable(Device device) {
  switch (device) {
    case Device::cpu:
      return "";
    case Device::cuda:
      return cuda::why_unavailable();
    case Device::simt:
      return "";
  }
  return "unknown device";
}

Device parse_device(std::string_view text) {
  if (text == "auto") {
    return why_unavailable(Device::cuda).empty() ? Device::cuda : Device::cpu;
  }
  for (const Device device : {Device::cpu, Device::cuda, Device::simt}) {
    if (text == name_of(device)) {
      const std::string reason = why_unavailable(device);
      require(reason.empty(), "device {}: {}", text, reason);
      return device;
    }
  }
  fail("device '{}': expected auto, cpu, cuda or simt", text);
}

}  // namespace sec
