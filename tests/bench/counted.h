// Kernels whose traffic can be counted by hand.
#pragma once

#include <string_view>

#include "engine/tensor.h"

namespace sec::kernels::simt {

// Runs the kernel called `name` of counted.cu, one warp or as told there, on x and y (f32).
void run_counted(std::string_view name, Stream& stream, ConstSpan x, Span y);

}  // namespace sec::kernels::simt
