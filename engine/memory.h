// Memory for tensors: blocks from a caching arena, one arena a device. A block that is released goes back to
// the arena's free lists and is handed out again for the next request of its size class, so that after the
// first training step no step asks the system for memory. On cuda a block is handed out again while the work
// that used it may still be under way: later work on the same stream comes after it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/device.h"

namespace sec {

// A block of device memory. `version` counts the times the block was opened for writing: the tape compares it
// to find values that were overwritten between forward and backward.
struct Storage {
  void* data = nullptr;
  std::size_t bytes = 0;
  Device device = Device::cpu;
  std::uint64_t version = 0;
};

struct MemoryStatistics {
  std::size_t in_use = 0;      // bytes held by tensors now
  std::size_t peak = 0;        // the most bytes held by tensors since reset_peak
  std::size_t reserved = 0;    // bytes the arena has from the system, in use or cached
  std::uint64_t requests = 0;  // allocations asked of the arena
  std::uint64_t misses = 0;    // of these, those for which the system was asked
};

// A block of at least `bytes`, aligned to 64 bytes, content undefined; returned to the arena with the last
// reference. Throws Error if the device has no memory left. Thread-safe.
std::shared_ptr<Storage> allocate(Device device, std::size_t bytes);

MemoryStatistics memory_statistics(Device device);
void reset_peak(Device device);
// About how many bytes allocate() could still hand out: what the system has left, and what the arena has
// cached.
std::size_t available_memory(Device device);
void release_cached(Device device);  // gives cached blocks back to the system

namespace detail {
// A plan keeps the blocks that the calling thread takes between begin and end for itself, until it is
// released: a recorded step replays on the same addresses. While it is made, the arena serves from its cache
// alone.
int begin_memory_plan(Device device);
// Continues a plan: on simt a replay runs the captured step again, in the memory of the first run.
void resume_memory_plan(Device device, int plan);
void end_memory_plan(Device device);
void release_memory_plan(Device device, int plan);
}  // namespace detail

// Copies between blocks of any two devices, and zeroes; in stream order.
void copy_bytes(Stream& stream, void* to, Device to_device, const void* from, Device from_device,
                std::size_t bytes);
void zero_bytes(Stream& stream, void* data, std::size_t bytes);

}  // namespace sec
