#include "engine/memory.h"

#include <sanitizer/asan_interface.h>  // its macros do nothing in builds without AddressSanitizer

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <vector>

#include "engine/error.h"

namespace sec {
namespace {

// Size classes are powers of two and the three quarter steps between them: at most 25 % is wasted, and a
// handful of lists serves every shape of a network.
std::size_t size_class(std::size_t bytes) {
  constexpr std::size_t smallest = 256;
  if (bytes <= smallest) {
    return smallest;
  }
  const std::size_t step = std::bit_floor(bytes - 1) / 4;
  return (bytes + step - 1) / step * step;
}

class Arena {
 public:
  void* take(std::size_t size) {
    const std::lock_guard lock(mutex_);
    ++statistics_.requests;
    void* block = nullptr;
    if (auto& list = free_[size]; !list.empty()) {
      block = list.back();
      list.pop_back();
    } else {
      block = std::aligned_alloc(alignment, size);
      require(block != nullptr, "allocate: the system has no {} bytes left for the cpu device", size);
      ++statistics_.misses;
      statistics_.reserved += size;
    }
    statistics_.in_use += size;
    statistics_.peak = std::max(statistics_.peak, statistics_.in_use);
    return block;
  }

  void give_back(void* block, std::size_t size) {
    const std::lock_guard lock(mutex_);
    free_[size].push_back(block);
    statistics_.in_use -= size;
  }

  void release_cached() {
    const std::lock_guard lock(mutex_);
    for (auto& [size, list] : free_) {
      for (void* block : list) {
        ASAN_UNPOISON_MEMORY_REGION(block, size);
        std::free(block);
        statistics_.reserved -= size;
      }
      list.clear();
    }
  }

  MemoryStatistics statistics() {
    const std::lock_guard lock(mutex_);
    return statistics_;
  }

  void reset_peak() {
    const std::lock_guard lock(mutex_);
    statistics_.peak = statistics_.in_use;
  }

 private:
  static constexpr std::size_t alignment = 64;

  std::mutex mutex_;
  std::map<std::size_t, std::vector<void*>> free_;  // size class -> blocks
  MemoryStatistics statistics_;
};

Arena& arena(Device device) {
  // Never destroyed: tensors with static storage may outlive any other static object.
  static Arena* const cpu = new Arena;
  static Arena* const simt = new Arena;
  require(device != Device::cuda, "allocate: {}", why_unavailable(device));
  return device == Device::simt ? *simt : *cpu;
}

}  // namespace

std::shared_ptr<Storage> allocate(Device device, std::size_t bytes) {
  Arena& source = arena(device);
  const std::size_t size = size_class(bytes);
  void* block = source.take(size);
  ASAN_UNPOISON_MEMORY_REGION(block, bytes);
  ASAN_POISON_MEMORY_REGION(static_cast<char*>(block) + bytes, size - bytes);
  return {new Storage{block, bytes, device, 0}, [&source, size](Storage* storage) {
            ASAN_POISON_MEMORY_REGION(storage->data, size);
            source.give_back(storage->data, size);
            delete storage;
          }};
}

MemoryStatistics memory_statistics(Device device) {
  return arena(device).statistics();
}

void reset_peak(Device device) {
  arena(device).reset_peak();
}

void release_cached(Device device) {
  arena(device).release_cached();
}

void copy_bytes(Stream&, void* to, Device to_device, const void* from, Device from_device,
                std::size_t bytes) {
  require(to_device != Device::cuda && from_device != Device::cuda, "copy_bytes: {}",
          why_unavailable(Device::cuda));
  if (bytes > 0) {
    std::memcpy(to, from, bytes);
  }
}

void zero_bytes(Stream& stream, void* data, std::size_t bytes) {
  require(stream.device != Device::cuda, "zero_bytes: {}", why_unavailable(Device::cuda));
  if (bytes > 0) {
    std::memset(data, 0, bytes);
  }
}

}  // namespace sec
