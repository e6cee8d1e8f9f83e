#include "engine/pinned.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <map>
#include <mutex>
#include <new>
#include <utility>

#include "engine/cuda/backend.h"
#include "engine/error.h"

namespace sec {
namespace {

struct Block {
  std::size_t size = 0;
  bool locked = false;      // page-locked
  bool read_later = false;  // whether `event` was recorded since the block was handed out
  void* event = nullptr;    // of cuda: when it is reached, the device has read the block
  void* reader = nullptr;   // the stream of the last upload
};

// Blocks are kept and handed out again, because locking pages takes longer than filling a batch.
class Pool {
 public:
  void* allocate(std::size_t bytes) {
    const std::size_t size = std::bit_ceil(std::max(bytes, smallest));
    std::unique_lock lock(mutex_);
    const bool want_lock = lock_new_;
    if (const auto found = free_.find({size, want_lock}); found != free_.end()) {
      char* const data = found->second;
      free_.erase(found);
      Block& block = blocks_.at(data);
      const bool wait = std::exchange(block.read_later, false);
      void* const event = block.event;
      lock.unlock();
      if (wait) {
        cuda::synchronize_event(event);
      }
      return data;
    }
    lock.unlock();
    Block made{size, false, false, nullptr, nullptr};
    void* data = want_lock ? cuda::allocate_pinned(size) : nullptr;
    made.locked = data != nullptr;
    if (data == nullptr) {
      data = ::operator new(size, std::align_val_t(64));
    }
    lock.lock();
    lock_new_ = lock_new_ && (made.locked || !want_lock);  // if the system grants no more, do not ask again
    blocks_[static_cast<char*>(data)] = made;
    return data;
  }

  void release(void* data) {
    const std::lock_guard lock(mutex_);
    const Block& block = blocks_.at(static_cast<char*>(data));
    free_.emplace(std::pair(block.size, block.locked), static_cast<char*>(data));
  }

  void lock_new() {
    const std::lock_guard lock(mutex_);
    lock_new_ = true;
  }

  bool can_upload(const void* data, Device to_device) {
    const std::lock_guard lock(mutex_);
    const Block* const block = block_of(data);
    return block != nullptr && (block->locked || to_device == Device::simt);
  }

  void guard(const void* data, Stream& stream) {
    const std::lock_guard lock(mutex_);
    Block* const block = block_of(data);
    if (block == nullptr || stream.device != Device::cuda) {
      return;
    }
    if (block->event == nullptr) {
      block->event = cuda::create_event();
    }
    // An event stands for one stream. Uploads on two streams are ordered, so that the later event covers both.
    if (block->read_later && block->reader != stream.native) {
      cuda::wait(stream.native, block->event);
    }
    cuda::record(block->event, stream.native);
    block->read_later = true;
    block->reader = stream.native;
  }

 private:
  static constexpr std::size_t smallest = 4096;  // a page

  // The block that holds the address, or null.
  Block* block_of(const void* data) {
    auto found = blocks_.upper_bound(static_cast<char*>(const_cast<void*>(data)));
    if (found == blocks_.begin()) {
      return nullptr;
    }
    --found;
    return data < found->first + found->second.size ? &found->second : nullptr;
  }

  std::mutex mutex_;
  bool lock_new_ = false;
  std::map<char*, Block> blocks_;                            // by address
  std::multimap<std::pair<std::size_t, bool>, char*> free_;  // by size and whether page-locked
};

Pool& pool() {
  static auto* const instance = new Pool;  // never destroyed: the driver may shut down first
  return *instance;
}

std::atomic<std::uint64_t> direct = 0;
std::atomic<std::uint64_t> staged = 0;

}  // namespace

void* detail::allocate_pinned(std::size_t bytes) {
  return pool().allocate(bytes);
}

void detail::release_pinned(void* block) {
  pool().release(block);
}

void detail::lock_new_pinned_memory() {
  pool().lock_new();
}

bool detail::can_upload_from(const void* data, Device to_device) {
  return pool().can_upload(data, to_device);
}

void detail::guard_upload(const void* data, Stream& stream) {
  pool().guard(data, stream);
}

void detail::count_upload(bool from_pinned) {
  ++(from_pinned ? direct : staged);
}

UploadCounts upload_counts() {
  return {direct, staged};
}

}  // namespace sec
