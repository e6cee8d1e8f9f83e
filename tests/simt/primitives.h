// Small kernels, one for each thing that a kernel can ask of the device, on every device that compiles
// kernels.
#pragma once

#include <string_view>

#include "engine/tensor.h"

namespace sec::kernels {

// Runs the kernel called `name` on x (f32) and y (f32), whose sizes and meaning are told beside the kernel.
using RunPrimitive = void(std::string_view name, Stream& stream, ConstSpan x, Span y);

namespace simt {
RunPrimitive run_primitive;
}
namespace cuda {
RunPrimitive run_primitive;
}

}  // namespace sec::kernels
