// Memory for tensors. Each device has a caching arena that hands out blocks.
// A released block goes to the arena's free lists and serves the next request of its size class.
// After the first training step, no step allocates memory from the system.
// On cuda a block may be reused while kernels that access it are still running.
// That is safe within one stream, because later work on the stream runs after those kernels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/device.h"

namespace sec {

// A block of device memory. `version` counts how often the block was opened for writing.
// The tape compares versions to detect tensors that were overwritten between forward and backward pass.
struct Storage {
  void* data = nullptr;
  std::size_t bytes = 0;
  Device device = Device::cpu;
  std::uint64_t version = 0;
};

struct MemoryStatistics {
  std::size_t in_use = 0;      // bytes held by tensors now
  std::size_t peak = 0;        // maximum of in_use since reset_peak
  std::size_t reserved = 0;    // bytes the arena has allocated from the system, in use or cached
  std::uint64_t requests = 0;  // calls of allocate()
  std::uint64_t misses = 0;    // requests that had to allocate from the system
};

// Returns a block of at least `bytes`, aligned to 64 bytes, with undefined content.
// The block goes back to the arena when its last reference is gone.
// Throws Error if the device is out of memory. Thread-safe.
std::shared_ptr<Storage> allocate(Device device, std::size_t bytes);

MemoryStatistics memory_statistics(Device device);
void reset_peak(Device device);
// Estimates how many more bytes allocate() could hand out: the system's free memory plus the arena's cache.
std::size_t available_memory(Device device);
void release_cached(Device device);  // returns cached blocks to the system

namespace detail {
// A memory plan keeps the blocks of a captured step, so that the step can be replayed at the same addresses.
// Until its release, the plan owns every block that this thread allocates or frees between begin and end.
// Between begin and end the arena serves that thread from its cache only.
int begin_memory_plan(Device device);
// Continues a plan: on simt a replay runs the captured step again, in the memory of the first run.
void resume_memory_plan(Device device, int plan);
void end_memory_plan(Device device);
void release_memory_plan(Device device, int plan);
}  // namespace detail

// Copy bytes between any two devices, or set bytes to zero, in stream order.
void copy_bytes(Stream& stream, void* to, Device to_device, const void* from, Device from_device,
                std::size_t bytes);
void zero_bytes(Stream& stream, void* data, std::size_t bytes);

}  // namespace sec
