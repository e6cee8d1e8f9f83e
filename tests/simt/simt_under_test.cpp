#include "engine/simt/runtime.h"
#include "tests/simt/device_under_test.h"

namespace sec {

const Device device_under_test = Device::simt;
kernels::RunPrimitive* const run_primitive_under_test = kernels::simt::run_primitive;

void each_order(void (*test)()) {
  for (const auto order : {simt::Order::forward, simt::Order::reverse, simt::Order::shuffled}) {
    simt::set_order(order, 5);
    test();
  }
  simt::set_order(simt::Order::forward);
}

}  // namespace sec
