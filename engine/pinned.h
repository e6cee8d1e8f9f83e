// Host memory for values that are uploaded to a device, such as the batches of a training.
// Once the process has a stream of cuda, this memory is page-locked (pinned): an upload is then one asynchronous
// copy, in which the GPU reads the host's memory. Other host memory is first copied to a staging buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/device.h"

namespace sec {

namespace detail {
void* allocate_pinned(std::size_t bytes);  // waits for uploads that still read the block
void release_pinned(void* block);
void lock_new_pinned_memory();  // blocks allocated from now on are page-locked

// Whether the bytes can be read by the device without staging. On simt: whether that would hold on cuda.
bool can_upload_from(const void* data, Device to_device);
// Marks that the stream reads the block of `data` until its current end.
void guard_upload(const void* data, Stream& stream);
void count_upload(bool direct);
}  // namespace detail

template <typename T>
struct PinnedAllocator {
  using value_type = T;
  PinnedAllocator() = default;
  template <typename U>
  PinnedAllocator(const PinnedAllocator<U>& /*other*/) {}  // NOLINT(google-explicit-constructor)
  T* allocate(std::size_t count) { return static_cast<T*>(detail::allocate_pinned(count * sizeof(T))); }
  void deallocate(T* block, std::size_t /*count*/) { detail::release_pinned(block); }
  bool operator==(const PinnedAllocator& /*other*/) const { return true; }
};

// A vector in such memory. While an upload from it is queued, its elements must not be changed.
// It may be destroyed at any time: its block is handed out again only after the device has read it.
template <typename T>
using PinnedVector = std::vector<T, PinnedAllocator<T>>;

// Copies from the host to cuda or simt since the program started.
struct UploadCounts {
  std::uint64_t direct = 0;  // from pinned memory
  std::uint64_t staged = 0;  // by way of a staging buffer; on simt, copies that would be staged on cuda
};
UploadCounts upload_counts();

}  // namespace sec
