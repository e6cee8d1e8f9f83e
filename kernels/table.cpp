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

const Table& on(const Stream& stream) {
  const Table& own = on(stream.device);
  if (!stream.peers) [[likely]] {
    return own;
  }
  require(stream.device == Device::cuda, "kernels cudnn: they run on the cuda device, not on {}",
          name_of(stream.device));
  return peers::table();
}

}  // namespace sec::kernels
