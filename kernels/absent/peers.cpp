// Replaces kernels/peers in a build without SEC_CUDA or without cuDNN's headers.
#include "engine/error.h"
#include "kernels/device_tables.h"

namespace sec::kernels::peers {

const Table& table() {
  fail("kernels cudnn: this build cannot call cuDNN and cuBLAS");
}

void measure_algorithms() {}

}  // namespace sec::kernels::peers
