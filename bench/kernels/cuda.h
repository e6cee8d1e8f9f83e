// Benchmarks of the cuda device's kernels beside cuDNN and cuBLAS.
#pragma once

#include "engine/device.h"

namespace sec {

// Registers the benchmarks for device cuda or, to rehearse them on a host, simt.
// Throws Error if the device is not available.
// If the libraries are missing, reports that on stderr and registers only our kernels.
void add_gpu_benchmarks(Device device);

}  // namespace sec
