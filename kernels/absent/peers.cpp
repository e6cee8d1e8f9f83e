// Linked in place of the peers table in builds without the cuda device or cuDNN's headers.
#include "engine/error.h"
#include "kernels/cudnn_fused.h"
#include "kernels/device_tables.h"

namespace sec::kernels::peers {

const Table& table() {
  fail("kernels cudnn: this build cannot call cuDNN and cuBLAS");
}

void measure_algorithms() {}

struct CudnnFusedPass::State {};

CudnnFusedPass::CudnnFusedPass(Stream& /*stream*/, FusedPass /*pass*/, const ConvShape& /*shape*/) {
  fail("kernels cudnn: this build cannot call cuDNN");
}

CudnnFusedPass::~CudnnFusedPass() = default;

void CudnnFusedPass::run(Stream& /*stream*/) {}

}  // namespace sec::kernels::peers
