#include "tests/simt/device_under_test.h"

namespace sec {

const Device device_under_test = Device::cuda;
kernels::RunPrimitive* const run_primitive_under_test = kernels::cuda::run_primitive;

void each_order(void (*test)()) {
  test();
}

}  // namespace sec
