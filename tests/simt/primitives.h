// Small kernels, one for each primitive of the CUDA language that kernels use.
// They run on the simt and cuda devices.
#pragma once

#include <string_view>

#include "engine/tensor.h"

namespace sec::kernels {

// Runs the kernel called `name` on x (f32) and y (f32). primitives.cu describes their shapes at each kernel.
using RunPrimitive = void(std::string_view name, Stream& stream, ConstSpan x, Span y);

namespace simt {
RunPrimitive run_primitive;
}
namespace cuda {
RunPrimitive run_primitive;
}

}  // namespace sec::kernels
