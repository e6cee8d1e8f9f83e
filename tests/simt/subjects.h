// Launchers of the kernels that the tests of the simt and cuda devices run.
#pragma once

#include <cstdint>

#include "engine/dtype.h"
#include "engine/tensor.h"

namespace sec::kernels {

using Relu = void(Stream& stream, ConstSpan x, Span y);  // (n) f32 or bf16

// y[i] = sum over j of x[i, j].
using RowSums = void(Stream& stream, std::int64_t rows, int columns,
                     const float* x,  // (rows, columns)
                     float* y);       // (rows)

namespace simt {
Relu relu;
RowSums row_sums;
}  // namespace simt

namespace cuda {
Relu relu;
RowSums row_sums;
}  // namespace cuda

}  // namespace sec::kernels
