// Linked in place of the cuda device's table in builds without nvcc.
#include "kernels/cuda/conv_versions.h"
#include "kernels/device_tables.h"

namespace sec::kernels::cuda {

const Table& table() {
  fail("device cuda: this build has no kernels for it");
}

const ConvVersions& conv_versions() {
  fail("device cuda: this build has no kernels for it");
}

}  // namespace sec::kernels::cuda
