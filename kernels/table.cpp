#include "kernels/table.h"

#include <mutex>

#include "engine/error.h"
#include "kernels/cpu/isa.h"
#include "kernels/device_tables.h"

namespace sec::kernels {
namespace {

const Table* libraries = nullptr;
bool unfused = false;

const Table& own(Device device) {
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

// Returns a device's table without its fused operations.
const Table& without_fused(Device device) {
  static constexpr int devices = 3;
  static std::once_flag filled[devices];
  static Table tables[devices];
  const auto i = static_cast<std::size_t>(device);
  std::call_once(filled[i], [&] {
    tables[i] = own(device);
    tables[i].pre_activation = {};
    tables[i].residual = {};
    tables[i].batch_norm.apply_relu = nullptr;
  });
  return tables[i];
}

}  // namespace

void use_unfused_operations() {
  unfused = true;
}

void use_libraries() {
  libraries = &peers::table();
}

const Table& table(Device device) {
  const std::string reason = why_unavailable(device);
  require(reason.empty(), "device {}: {}", name_of(device), reason);
  return unfused ? without_fused(device) : own(device);
}

}  // namespace sec::kernels
