// The device whose kernels a test program links, and the function that runs them.
#pragma once

#include "tests/simt/primitives.h"

namespace sec {

extern const Device device_under_test;
extern kernels::RunPrimitive* const run_primitive_under_test;
void each_order(void (*test)());  // runs `test` once; on simt once for every order of threads

}  // namespace sec
