// Converts errors of the CUDA runtime to sec::Error.
#pragma once

#include <cuda_runtime_api.h>

#include <string_view>

#include "engine/error.h"

namespace sec::cuda {

// Throws Error "<what>: <CUDA error description> (<CUDA error name>)" unless `status` is cudaSuccess.
inline void check(cudaError_t status, std::string_view what) {
  if (status != cudaSuccess) [[unlikely]] {
    fail("{}: {} ({})", what, cudaGetErrorString(status), cudaGetErrorName(status));
  }
}

}  // namespace sec::cuda
