// The kernel tables of devices that a build may lack.
// A build without such a device links a file of kernels/absent/ instead, whose table() throws Error.
#pragma once

#include "kernels/table.h"

namespace sec::kernels {

namespace cuda {
const Table& table();
}
namespace simt {
const Table& table();
}
namespace peers {
// The cuda device's table for comparisons.
// cuDNN (convolution, batch norm, average pooling) and cuBLAS (linear) replace our kernels.
// Throws Error if the libraries cannot be loaded.
const Table& table();

// Makes convolutions use the algorithm that cuDNN measures once per shape as fastest, deterministic or not.
// The default is the first algorithm that cuDNN's heuristics propose.
// For benches only. Must be called before the first use of the table.
void measure_algorithms();
}  // namespace peers

// Makes peers::table() the table of the cuda device.
// Must be called at a program's start, before other threads look kernels up.
void use_libraries();

// Disables fused kernels process-wide: every layer runs as a separate kernel, for study and timing.
// Must be called at a program's start, before other threads look kernels up.
void use_unfused_operations();

}  // namespace sec::kernels
