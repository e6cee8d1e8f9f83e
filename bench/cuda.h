// The kernels of the cuda device beside cuDNN and cuBLAS.
#pragma once

namespace sec {

// Registers the benchmarks. Throws Error if the device is not available; without the libraries, says so on
// stderr and registers ours alone.
void add_cuda_benchmarks();

}  // namespace sec
