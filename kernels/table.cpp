#include "kernels/table.h"

#include "engine/error.h"
#include "kernels/cpu/isa.h"

namespace sec::kernels {

const Table& on(Device device) {
  const std::string reason = why_unavailable(device);
  require(reason.empty(), "device {}: {}", name_of(device), reason);
  require(device == Device::cpu, "device {}: it has no kernels", name_of(device));
  return cpu::table();
}

}  // namespace sec::kernels
