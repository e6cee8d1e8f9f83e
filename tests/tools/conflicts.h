// A kernel with bank conflicts that can be counted by hand, for the page of kernel_lab.
#pragma once

#include "engine/tensor.h"

namespace sec::kernels::simt {

// One warp copies 32 floats from x to y by way of shared memory, where they are `pitch` words apart: 2, 32 or 33.
// Words 2 apart share a bank in pairs, words 32 apart are all in one bank, and words 33 apart are in 32 banks.
void copy_with_pitch(int pitch, Stream& stream, ConstSpan x, Span y);

}  // namespace sec::kernels::simt
