// Forwards ranges to NVIDIA's profilers.
#pragma once

namespace sec::cuda {

// Makes every sec::Range an NVTX range if an NVIDIA profiler is attached.
void forward_ranges_to_nvtx();

}  // namespace sec::cuda
