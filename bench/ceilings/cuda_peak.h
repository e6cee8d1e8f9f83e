// The GPU's peak arithmetic rate, from kernels that do nothing else:
// fused multiply-adds between registers for f32, tensor-core products by mma.sync for tf32 and bf16.
// Hopper's wgmma is faster than mma.sync.
// Libraries may use wgmma and our kernels do not, so a library's row may show more than 100 percent.
#pragma once

#include "engine/tensor.h"

namespace sec {

constexpr std::int64_t cuda_peak_results = 1 << 19;

// Launches such a kernel, which takes about a millisecond. Returns the number of operations it does.
// The kernel writes `results` only so that the compiler keeps the arithmetic.
// bf16 always uses tensor cores, f32 only if `tf32` is set.
double run_cuda_peak(Stream& stream, DType type, bool tf32, Span results);  // (cuda_peak_results) f32

}  // namespace sec
