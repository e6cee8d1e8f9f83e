#include "tests/tools/conflicts.h"

#include "engine/launch.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

template <int pitch>
__global__ void pitched_copy(const float* __restrict__ x, float* __restrict__ y) {
  SHARED(float, line, [32 * pitch]);
  line[threadIdx.x * pitch] = x[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = line[threadIdx.x * pitch];
}

}  // namespace

void copy_with_pitch(int pitch, Stream& stream, ConstSpan x, Span y) {
  const auto* const from = x.as<float>("x");
  auto* const to = y.as<float>("y");
  if (pitch == 2) {
    launch<pitched_copy<2>>(stream, dim3(1), dim3(32), 0, from, to);
  } else if (pitch == 32) {
    launch<pitched_copy<32>>(stream, dim3(1), dim3(32), 0, from, to);
  } else {
    launch<pitched_copy<33>>(stream, dim3(1), dim3(32), 0, from, to);
  }
}

}  // namespace sec::kernels::SEC_BACKEND
