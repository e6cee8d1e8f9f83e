#include "engine/memory.h"

#include <sanitizer/asan_interface.h>  // the header's macros do nothing without AddressSanitizer

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "engine/cuda/backend.h"
#include "engine/error.h"
#include "engine/pinned.h"
#include "engine/simt/observer.h"
#include "engine/simt/runtime.h"
#include "engine/stream.h"

namespace sec {
namespace {

// Size classes are powers of two and the three quarter steps between them, which wastes at most 25 %.
// A few free lists therefore serve all tensor shapes of a network.
std::size_t size_class(std::size_t bytes) {
  constexpr std::size_t smallest = 256;
  if (bytes <= smallest) {
    return smallest;
  }
  const std::size_t step = std::bit_floor(bytes - 1) / 4;
  return (bytes + step - 1) / step * step;
}

// The system allocator behind an arena. allocate() returns null if the system is out of memory.
struct Source {
  void* (*allocate)(std::size_t bytes);
  void (*free)(void* block);
};

constexpr Source host_source{[](std::size_t bytes) { return std::aligned_alloc(64, bytes); },
                             [](void* block) { std::free(block); }};
// Access counters identify blocks by their pages, so observed blocks are page-aligned.
constexpr Source simt_source{[](std::size_t bytes) {
                               if (simt::records_launches()) {
                                 return simt::observer::reserve_memory(bytes);
                               }
                               if (!simt::observed()) {
                                 return host_source.allocate(bytes);
                               }
                               constexpr std::size_t page = 4096;
                               const std::size_t whole = (bytes + page - 1) / page * page;
                               void* const block = std::aligned_alloc(page, whole);
                               if (block != nullptr) {
                                 simt::observer::take_memory(block, whole);
                               }
                               return block;
                             },
                             [](void* block) {
                               if (simt::records_launches()) {
                                 simt::observer::release_memory(block);
                                 return;
                               }
                               if (simt::observed()) {
                                 simt::observer::give_back_memory(block);
                               }
                               std::free(block);
                             }};
constexpr Source cuda_source{cuda::allocate_memory, cuda::free_memory};

using FreeLists = std::map<std::size_t, std::vector<void*>>;  // size class -> blocks

class Arena {
 public:
  Arena(Device device, const Source& source) : device_(device), source_(source) {}

  void* reserve(std::size_t size) {
    const std::lock_guard lock(mutex_);
    ++statistics_.requests;
    void* block = nullptr;
    if (planning()) {
      block = pop(plans_[plan_].free, size);
    }
    if (block == nullptr) {
      block = pop(free_, size);
      if (planning()) {
        require(
            block != nullptr || !first_run_,
            "capture: {} bytes are needed that the {} arena does not hold: run the step once before it is captured",
            size, name_of(device_));
        if (block == nullptr) {
          block = from_source(size);
        }
        owner_[block] = plan_;
      }
    }
    if (block == nullptr) {
      block = from_source(size);
    }
    statistics_.in_use += size;
    statistics_.peak = std::max(statistics_.peak, statistics_.in_use);
    return block;
  }

  void release(void* block, std::size_t size) {
    const std::lock_guard lock(mutex_);
    if (planning()) {
      owner_[block] = plan_;  // captured work uses this block, even if it is older than the plan
    }
    const auto owner = owner_.find(block);
    (owner == owner_.end() ? free_ : plans_[owner->second].free)[size].push_back(block);
    statistics_.in_use -= size;
  }

  void release_cached() {
    const std::lock_guard lock(mutex_);
    release_free_blocks();
  }

  MemoryStatistics statistics() {
    const std::lock_guard lock(mutex_);
    return statistics_;
  }

  void reset_peak() {
    const std::lock_guard lock(mutex_);
    statistics_.peak = statistics_.in_use;
  }

  int begin_plan() {
    const std::lock_guard lock(mutex_);
    require(plan_ == 0, "capture: another step is being captured");
    plan_ = ++last_plan_;
    planner_ = std::this_thread::get_id();
    first_run_ = true;
    return plan_;
  }

  void resume_plan(int plan) {
    const std::lock_guard lock(mutex_);
    require(plan_ == 0, "capture: another step is being captured");
    plan_ = plan;
    planner_ = std::this_thread::get_id();
    first_run_ = false;
  }

  void end_plan() {
    const std::lock_guard lock(mutex_);
    plan_ = 0;
  }

  void release_plan(int plan) {
    const std::lock_guard lock(mutex_);
    std::erase_if(owner_, [&](const auto& entry) { return entry.second == plan; });
    for (auto& [size, list] : plans_[plan].free) {
      free_[size].insert(free_[size].end(), list.begin(), list.end());
    }
    plans_.erase(plan);
  }

 private:
  struct Plan {
    FreeLists free;
  };

  bool planning() const { return plan_ != 0 && planner_ == std::this_thread::get_id(); }

  static void* pop(FreeLists& lists, std::size_t size) {
    const auto list = lists.find(size);
    if (list == lists.end() || list->second.empty()) {
      return nullptr;
    }
    void* const block = list->second.back();
    list->second.pop_back();
    return block;
  }

  void* from_source(std::size_t size) {
    void* block = source_.allocate(size);
    if (block == nullptr) {  // cached blocks of other sizes may free enough memory
      release_free_blocks();
      block = source_.allocate(size);
    }
    require(block != nullptr, "allocate: the {} device has no {} bytes left; tensors hold {} bytes",
            name_of(device_), size, statistics_.in_use);
    ++statistics_.misses;
    statistics_.reserved += size;
    return block;
  }

  void release_free_blocks() {
    for (auto& [size, list] : free_) {
      for (void* block : list) {
        if (device_ != Device::cuda) {
          ASAN_UNPOISON_MEMORY_REGION(block, size);
        }
        source_.free(block);
        statistics_.reserved -= size;
      }
      list.clear();
    }
  }

  const Device device_;
  const Source source_;
  std::mutex mutex_;
  FreeLists free_;
  MemoryStatistics statistics_;

  std::map<int, Plan> plans_;
  std::unordered_map<void*, int> owner_;  // the plan that owns a block
  int plan_ = 0;                          // the plan being recorded; 0: none
  int last_plan_ = 0;
  bool first_run_ = false;  // of the step that the plan is made for
  std::thread::id planner_;
};

Arena& arena(Device device) {
  // Never destroyed, because tensors with static storage may outlive any other static object.
  static auto* const cpu = new Arena(Device::cpu, host_source);
  static auto* const simt = new Arena(Device::simt, simt_source);
  static auto* const cuda = new Arena(Device::cuda, cuda_source);
  return device == Device::cpu ? *cpu : device == Device::simt ? *simt : *cuda;
}

// On simt new memory is filled with NaN, as shared memory is. This exposes kernels that rely on zeros.
void fill_with_nan(void* data, std::size_t bytes) {
  auto* words = static_cast<std::uint32_t*>(data);
  std::fill_n(words, bytes / sizeof(std::uint32_t), simt::unwritten);
}

}  // namespace

std::shared_ptr<Storage> allocate(Device device, std::size_t bytes) {
  Arena& source = arena(device);
  const std::size_t size = size_class(bytes);
  void* block = source.reserve(size);
  const bool on_host = device != Device::cuda;
  if (on_host) {
    ASAN_UNPOISON_MEMORY_REGION(block, size);
    if (device == Device::simt && !simt::records_launches()) {
      fill_with_nan(block, size);
    }
    ASAN_POISON_MEMORY_REGION(static_cast<char*>(block) + bytes, size - bytes);
  }
  return {new Storage{block, bytes, device, 0}, [&source, size, on_host](Storage* storage) {
            if (on_host) {
              ASAN_POISON_MEMORY_REGION(storage->data, size);
            }
            source.release(storage->data, size);
            delete storage;
          }};
}

MemoryStatistics memory_statistics(Device device) {
  return arena(device).statistics();
}

void reset_peak(Device device) {
  arena(device).reset_peak();
}

std::size_t available_memory(Device device) {
  const MemoryStatistics statistics = memory_statistics(device);
  // On the host, count unused pages only, not pages that the system could reclaim from its caches.
  const std::size_t left = device == Device::cuda ? cuda::available_memory()
                                                  : static_cast<std::size_t>(sysconf(_SC_AVPHYS_PAGES)) *
                                                        static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return left + statistics.reserved - statistics.in_use;
}

void release_cached(Device device) {
  arena(device).release_cached();
}

int detail::begin_memory_plan(Device device) {
  return arena(device).begin_plan();
}

void detail::resume_memory_plan(Device device, int plan) {
  arena(device).resume_plan(plan);
}

void detail::end_memory_plan(Device device) {
  arena(device).end_plan();
}

void detail::release_memory_plan(Device device, int plan) {
  arena(device).release_plan(plan);
}

void copy_bytes(Stream& stream, void* to, Device to_device, const void* from, Device from_device,
                std::size_t bytes) {
  if (bytes == 0) {
    return;
  }
  const bool to_cuda = to_device == Device::cuda;
  const bool from_cuda = from_device == Device::cuda;
  const bool upload = from_device == Device::cpu && to_device != Device::cpu;
  const bool direct = upload && detail::can_upload_from(from, to_device);
  if (upload) {
    detail::count_upload(direct);
  }
  if (!to_cuda && !from_cuda) {
    require(to_device == from_device || !detail::replaying_on_host(),
            "copy_bytes: {} bytes from {} to {} cannot be part of a captured graph", bytes,
            name_of(from_device), name_of(to_device));
    std::memcpy(to, from, bytes);
    return;
  }
  require(stream.device == Device::cuda,
          "copy_bytes: from {} to {} on a stream of {}, expected a cuda stream", name_of(from_device),
          name_of(to_device), name_of(stream.device));
  using cuda::Direction;
  cuda::copy(stream.native, to, from, bytes,
             direct       ? Direction::from_pinned
             : !from_cuda ? Direction::to_device
             : !to_cuda   ? Direction::to_host
                          : Direction::on_device);
  if (direct) {
    detail::guard_upload(from, stream);
  }
}

void zero_bytes(Stream& stream, void* data, std::size_t bytes) {
  if (bytes == 0) {
    return;
  }
  if (stream.device == Device::cuda) {
    cuda::zero(stream.native, data, bytes);
  } else {
    std::memset(data, 0, bytes);
  }
}

}  // namespace sec
