// Kernels with memory traffic that can be counted by hand.
#pragma once

#include <string_view>

#include "engine/tensor.h"

namespace sec::kernels::simt {

// Runs the kernel called `name` in counted.cu on x and y (f32), with the grid given there.
void run_counted(std::string_view name, Stream& stream, ConstSpan x, Span y);

}  // namespace sec::kernels::simt
