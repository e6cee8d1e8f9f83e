// Copies between pageable host memory and the GPU through pinned buffers, which the GPU can access directly.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

namespace sec::cuda {

// Returns as soon as `from` has been read. The GPU copies in stream order.
void copy_to_device(cudaStream_t stream, void* to, const void* from, std::size_t bytes);
// Returns when `to` is complete.
void copy_to_host(cudaStream_t stream, void* to, const void* from, std::size_t bytes);

}  // namespace sec::cuda
