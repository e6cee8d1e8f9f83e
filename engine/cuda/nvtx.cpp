#include "engine/cuda/nvtx.h"

#include <nvtx3/nvToolsExt.h>

#include <cstdlib>

#include "engine/ranges.h"

namespace sec::cuda {
namespace {

class Nvtx : public RangeListener {
 public:
  void begin(const RangeName& name) override { nvtxRangePushA(name.text()); }
  void end() override { nvtxRangePop(); }
};

}  // namespace

void forward_ranges_to_nvtx() {
  if (std::getenv("NVTX_INJECTION64_PATH") == nullptr) {
    return;  // no profiler is attached
  }
  static Nvtx nvtx;
  listen_to_ranges(&nvtx);
}

}  // namespace sec::cuda
