#include "kernels/table.h"

#include "engine/error.h"
#include "kernels/cpu/isa.h"
#include "kernels/device_tables.h"

namespace sec::kernels {

const Table& on(Device device) {
  const std::string reason = why_unavailable(device);
  require(reason.empty(), "device {}: {}", name_of(device), reason);
  switch (device) {
    case Device::cpu:
      return cpu::table();
    case Device::cuda:
      return cuda::table();
    case Device::simt:
      return simt::table();
  }
  fail("unknown device");
}

}  // namespace sec::kernels
