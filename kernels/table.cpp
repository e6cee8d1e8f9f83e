#include "kernels/table.h"

#include "engine/error.h"
#include "kernels/cpu/isa.h"
#include "kernels/device_tables.h"

namespace sec::kernels {
namespace {

const Table* libraries = nullptr;

}  // namespace

void use_libraries() {
  libraries = &peers::table();
}

const Table& on(Device device) {
  const std::string reason = why_unavailable(device);
  require(reason.empty(), "device {}: {}", name_of(device), reason);
  switch (device) {
    case Device::cpu:
      return cpu::table();
    case Device::cuda:
      return libraries != nullptr ? *libraries : cuda::table();
    case Device::simt:
      return simt::table();
  }
  fail("unknown device");
}

}  // namespace sec::kernels
