// Ranges for NVIDIA's profilers.
#pragma once

namespace sec::cuda {

// Makes every sec::Range an NVTX range, if one of NVIDIA's tools is attached.
void forward_ranges_to_nvtx();

}  // namespace sec::cuda
