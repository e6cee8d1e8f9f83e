// The most arithmetic that a GPU can do, by kernels that do nothing else: fused multiply-adds between
// registers for f32, and the tensor cores' products for tf32 and bf16, by mma.sync. Hopper's wgmma, which
// libraries may use and ours do not, is faster than that: percentages above 100 show it.
#pragma once

#include "engine/tensor.h"

namespace sec {

constexpr std::int64_t cuda_peak_results = 1 << 19;

// Starts one such kernel, of about a millisecond, and returns the number of operations that it does.
// `results` are there so that nothing is optimised away. bf16 is always by tensor cores, f32 with tf32 set.
double run_cuda_peak(Stream& stream, DType type, bool tf32, Span results);  // (cuda_peak_results) f32

}  // namespace sec
