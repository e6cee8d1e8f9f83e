#include "engine/cuda/launch.h"

#include <cstdlib>
#include <map>
#include <mutex>
#include <string_view>

#include "engine/cuda/backend.h"
#include "engine/cuda/check.h"

namespace sec::cuda {
namespace {

bool synchronous() {
  static const bool wanted = [] {
    const char* const variable = std::getenv("SEC_SYNC");
    return variable != nullptr && std::string_view(variable) == "1";
  }();
  return wanted;
}

// CUDA requires opting in to more than 48 KiB of dynamic shared memory: once per kernel and larger size.
void grant_shared_memory(const char* name, const void* kernel, const LaunchSize& size) {
  if (size.dynamic_shared <= max_static_shared) {
    return;
  }
  static std::mutex mutex;
  static std::map<const void*, std::size_t> granted;
  const std::lock_guard lock(mutex);
  if (granted[kernel] < size.dynamic_shared) {
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(size.dynamic_shared)),
          fmt::format("kernel {}, {}", name, size.text()));
    granted[kernel] = size.dynamic_shared;
  }
}

}  // namespace

void launch_kernel(Stream& stream, const char* name, const void* kernel, const LaunchSize& size,
                   void** arguments) {
  require(stream.device == Device::cuda, "kernel {}: a stream of the cuda device is expected, got {}", name,
          name_of(stream.device));
  check_launch(name, size);
  grant_shared_memory(name, kernel, size);
  const auto queue = static_cast<cudaStream_t>(stream.native);
  const cudaError_t status = cudaLaunchKernel(kernel, dim3(size.grid[0], size.grid[1], size.grid[2]),
                                              dim3(size.block[0], size.block[1], size.block[2]), arguments,
                                              size.dynamic_shared, queue);
  if (status != cudaSuccess) [[unlikely]] {
    fail("kernel {}, {}: {} ({}){}", name, size.text(), cudaGetErrorString(status), cudaGetErrorName(status),
         synchronous() ? "" : "; an earlier kernel may have failed, SEC_SYNC=1 in the environment shows it");
  }
  if (synchronous() && !is_capturing(stream.native)) {
    check(cudaStreamSynchronize(queue), fmt::format("kernel {}, {}", name, size.text()));
  }
}

}  // namespace sec::cuda
