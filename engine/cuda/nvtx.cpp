#include "engine/cuda/nvtx.h"

#include <nvtx3/nvToolsExt.h>

#include <cstdlib>

#include "engine/ranges.h"

namespace sec::cuda {

void forward_ranges_to_nvtx() {
  if (std::getenv("NVTX_INJECTION64_PATH") == nullptr) {
    return;  // no profiler is attached
  }
  static constexpr RangeListener nvtx{[](const char* name) { nvtxRangePushA(name); },
                                      [](const char*) { nvtxRangePop(); }};
  listen_to_ranges(&nvtx);
}

}  // namespace sec::cuda
