// Matrix products with NVIDIA's cuBLAS, which is loaded at run time.
#pragma once

#include <cublas_v2.h>

#include "engine/library.h"
#include "engine/tensor.h"

namespace sec::kernels::peers {

// C = A B + beta C for row-major matrices, with f32 accumulation. A and B can be stored transposed.
struct Gemm {
  std::int64_t rows, columns, inner;  // A is (rows, inner), B is (inner, columns), C is (rows, columns)
  bool transpose_a = false;           // A is stored as (inner, rows)
  bool transpose_b = false;           // B is stored as (columns, inner)
  float beta = 0;
};

// A and B have the same type, f32 or bf16; C has that type or f32.
// Throws Error, naming the call, the status and the sizes.
void gemm(Stream& stream, const Gemm& sizes, ConstSpan a, ConstSpan b, Span c);

// Loads the library. Throws Error if that fails.
void load_cublas();

}  // namespace sec::kernels::peers
