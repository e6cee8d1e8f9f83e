// The kernels of the cuda device beside cuDNN and cuBLAS.
#pragma once

#include "engine/device.h"

namespace sec {

// Registers the benchmarks, of cuda or, to rehearse them on a host, of simt. Throws Error if the device is
// not available; without the libraries, says so on stderr and registers ours alone.
void add_gpu_benchmarks(Device device);

}  // namespace sec
