// Included first in every kernel that kernel_lab compiles. Without optimisation, g++ stores the vector that a function
// returns without the call that -fsanitize=thread inserts elsewhere. Kernels store what make_float4() and its like return.
// Here these are references to a temporary, so that the recorder sees one store of the whole vector.
#pragma once

#include "engine/simt/cuda_language.h"

namespace sec::lab {
template <typename Vector>
const Vector& whole(const Vector& vector) {
  return vector;
}
}  // namespace sec::lab

#define make_float2(...) (::sec::lab::whole(::sec::simt::float2{__VA_ARGS__}))
#define make_float4(...) (::sec::lab::whole(::sec::simt::float4{__VA_ARGS__}))
#define make_uint2(...) (::sec::lab::whole(::sec::simt::uint2{__VA_ARGS__}))
#define make_uint4(...) (::sec::lab::whole(::sec::simt::uint4{__VA_ARGS__}))
