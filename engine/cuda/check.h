// Errors of the CUDA runtime as sec::Error.
#pragma once

#include <cuda_runtime_api.h>

#include <string_view>

#include "engine/error.h"

namespace sec::cuda {

// Throws Error "<what>: <CUDA's description> (<CUDA's name of the error>)" unless `status` is success.
inline void check(cudaError_t status, std::string_view what) {
  if (status != cudaSuccess) [[unlikely]] {
    fail("{}: {} ({})", what, cudaGetErrorString(status), cudaGetErrorName(status));
  }
}

}  // namespace sec::cuda
