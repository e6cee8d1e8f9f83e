// What the GPU can do at most: see ceilings.h.
#pragma once

#include "bench/ceilings/ceilings.h"
#include "engine/tensor.h"

namespace sec {

// Arithmetic on operands of `type`, where f32 ones count as TF32 if the stream allows that, and a copy beyond
// the L2 cache. Measured once for each arithmetic, which takes some milliseconds; on a stream of cuda.
Ceiling cuda_ceiling(Stream& stream, DType type);

}  // namespace sec
