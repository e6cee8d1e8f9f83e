// The GPU's peak rates: see ceilings.h.
#pragma once

#include "bench/ceilings/ceilings.h"
#include "engine/tensor.h"

namespace sec {

// The peak rate of arithmetic on operands of `type` (TF32 for f32 operands if stream.tf32 is set),
// and the rate of a copy beyond the L2 cache.
// Each rate is measured once, in some milliseconds, on a stream of cuda.
Ceiling cuda_ceiling(Stream& stream, DType type);

}  // namespace sec
