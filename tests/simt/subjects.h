// Launchers of the kernels that the tests of the simt device run.
#pragma once

#include <cstdint>

#include "engine/dtype.h"
#include "engine/tensor.h"

namespace sec::kernels::simt {

void relu(Stream& stream, ConstSpan x, Span y);  // (n) f32 or bf16

// y[i] is the sum of x[i, :].
void row_sums(Stream& stream, std::int64_t rows, int columns,
              const float* x,  // (rows, columns)
              float* y);       // (rows)

}  // namespace sec::kernels::simt
