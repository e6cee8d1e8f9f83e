// launch() and shared memory for kernels compiled by nvcc.
#pragma once

#include <cuda_runtime.h>

#include <tuple>
#include <utility>

#include "engine/device.h"
#include "engine/error.h"
#include "engine/launch_size.h"
#include "engine/ranges.h"

// Declares T name[extents]…, one array per block.
#define SHARED(T, name, ...) __shared__ __align__(16) T name __VA_ARGS__

// Declares T* name, the dynamic shared memory of the launch, aligned to 16 bytes.
#define DYN_SHARED(T, name)                                              \
  extern __shared__ __align__(16) unsigned char dynamic_shared_memory[]; \
  T* const name = reinterpret_cast<T*>(dynamic_shared_memory)

namespace sec::cuda {

// Queues the kernel. Throws Error, naming the kernel and the launch sizes, if CUDA rejects the launch.
// With SEC_SYNC=1 in the environment, waits for the kernel and throws if the kernel failed.
void launch_kernel(Stream& stream, const char* name, const void* kernel, const LaunchSize& size,
                   void** arguments);

template <auto kernel>
const char* name_of_kernel() {
  static const std::string name = kernel_name_in(__PRETTY_FUNCTION__);
  return name.c_str();
}

template <auto kernel, typename... Arguments>
void launch(Stream& stream, dim3 grid, dim3 block, std::size_t dynamic_shared, Arguments&&... arguments) {
  const char* const name = name_of_kernel<kernel>();
  const Range range(name);
  const LaunchSize size{{grid.x, grid.y, grid.z}, {block.x, block.y, block.z}, dynamic_shared};
  [&]<typename... Parameters>(void (*function)(Parameters...)) {
    std::tuple<Parameters...> values(Parameters{std::forward<Arguments>(arguments)}...);  // rejects narrowing
    std::apply(
        [&](Parameters&... value) {
          void* pointers[] = {const_cast<void*>(static_cast<const void*>(&value))..., nullptr};
          launch_kernel(stream, name, reinterpret_cast<const void*>(function), size, pointers);
        },
        values);
  }(kernel);
}

}  // namespace sec::cuda
