// The tables of the devices that a build may lack. kernels/absent/ has, for each, a file that is linked in
// its place and throws Error.
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
// The cuda device's table with NVIDIA's cuDNN (convolution, batch norm, average pooling) and cuBLAS (linear)
// in the place of our kernels, to compare with. Throws Error if the libraries cannot be loaded.
const Table& table();

// From now on convolutions use what cuDNN measures as the fastest, for each shape once, whether or not it
// gives the same bits every time, instead of the first that its heuristics propose: for benches. To be called
// before the table is used.
void measure_algorithms();
}  // namespace peers

// From now on peers::table() is the table of the cuda device. To be called at a program's start, before
// kernels are looked up on other threads.
void use_libraries();

// From now on no device has fused operations: every layer is a kernel of its own, to be read, stepped through
// and timed by itself. To be called as above.
void use_unfused_operations();

}  // namespace sec::kernels
