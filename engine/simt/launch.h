// launch(), shared memory, barriers and warp functions for kernels compiled by g++.
#pragma once

#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/device.h"
#include "engine/error.h"
#include "engine/launch_size.h"
#include "engine/ranges.h"
#include "engine/simt/cuda_language.h"
#include "engine/simt/observer.h"
#include "engine/simt/runtime.h"

// Declares T (&name)[extents]…, one array per block. The static's address identifies the declaration.
#define SHARED(T, name, ...)                        \
  static constexpr char name##_key_ = 0;            \
  typedef T name##_type_ __VA_ARGS__;               \
  name##_type_& name = *static_cast<name##_type_*>( \
      ::sec::simt::shared_array(&name##_key_, #name, sizeof(name##_type_), ::sec::simt::unwritten_as<T>))

// Declares T* name, the dynamic shared memory of the launch, aligned to 16 bytes.
#define DYN_SHARED(T, name) \
  T* const name = static_cast<T*>(::sec::simt::dynamic_shared(::sec::simt::unwritten_as<T>))

namespace sec::simt {

template <auto kernel>
const char* name_of_kernel() {
  static const std::string name = kernel_name_in(__PRETTY_FUNCTION__);
  return name.c_str();
}

// A stream, and the source file of the launch, which is also the kernel's file.
struct LaunchOn {
  LaunchOn(Stream& s, Site site = Site::current())  // NOLINT(google-explicit-constructor): for launch()
      : stream(s), file(site.file_name()) {}
  Stream& stream;
  const char* file;
};

// Copies kernel parameters to where CUDA puts them: one after the other, each aligned as its type.
template <typename... Parameters>
std::vector<unsigned char> parameter_bytes(const std::tuple<Parameters...>& values) {
  std::vector<unsigned char> bytes;
  const auto append = [&]<typename T>(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>, "kernel parameters are copied byte by byte");
    const std::size_t offset = (bytes.size() + alignof(T) - 1) / alignof(T) * alignof(T);
    bytes.resize(offset + sizeof(T));
    std::memcpy(bytes.data() + offset, &value, sizeof(T));
  };
  std::apply([&](const Parameters&... value) { (append(value), ...); }, values);
  return bytes;
}

template <auto kernel, typename... Arguments>
void launch(LaunchOn on, dim3 grid, dim3 block, std::size_t dynamic_shared, Arguments&&... arguments) {
  const char* const name = name_of_kernel<kernel>();
  require(on.stream.device == Device::simt, "kernel {}: a stream of the simt device is expected, got {}",
          name, name_of(on.stream.device));
  const Range range(name);
  const LaunchSize size{{grid.x, grid.y, grid.z}, {block.x, block.y, block.z}, dynamic_shared};
  [&]<typename... Parameters>(void (*)(Parameters...)) {
    using Values = std::tuple<Parameters...>;
    const Values values(Parameters{std::forward<Arguments>(arguments)}...);  // braces reject narrowing
    if (records_launches()) {
      const std::vector<unsigned char> bytes = parameter_bytes(values);
      observer::record_launch({name, on.file}, size, bytes.data(), bytes.size());
      return;
    }
    run_grid(
        {name, on.file}, size,
        [](const void* closure) { std::apply(kernel, *static_cast<const Values*>(closure)); }, &values);
  }(kernel);
}

// ---- barriers ----

inline void __syncthreads(Site site = Site::current()) {
  block_barrier(Barrier::plain, 0, site);
}
inline int __syncthreads_count(int predicate, Site site = Site::current()) {
  return block_barrier(Barrier::count, predicate, site);
}
inline int __syncthreads_and(int predicate, Site site = Site::current()) {
  return block_barrier(Barrier::all, predicate, site);
}
inline int __syncthreads_or(int predicate, Site site = Site::current()) {
  return block_barrier(Barrier::any, predicate, site);
}
inline void __syncwarp(unsigned mask = 0xffffffffU, Site site = Site::current()) {
  warp_barrier(mask, site);
}
inline void __threadfence() {
  thread_fence();
}
inline void __threadfence_block() {
  thread_fence();
}

// ---- asynchronous copies, for engine/device_intrinsics.h ----

inline void check_async_copy(const void* shared, const void* global, int bytes, int source_bytes) {
  const auto misaligned = [&](const void* address) {
    return reinterpret_cast<std::uintptr_t>(address) % static_cast<unsigned>(bytes) != 0;
  };
  require(!misaligned(shared) && (source_bytes == 0 || !misaligned(global)),
          "cp_async: both addresses must be multiples of {} bytes", bytes);
  require(source_bytes >= 0 && source_bytes <= bytes,
          "cp_async: expected to read at most the {1} bytes of the copy, got {0}", source_bytes, bytes);
}

inline void finish_async_copies(int pending) {
  const Uncounted uncounted;  // copies are counted when they are issued
  AsyncCopy copy;
  while (next_async_copy(pending, copy)) {
    auto* to = static_cast<char*>(copy.to);
    const auto* from = static_cast<const char*>(copy.from);
    for (int i = 0; i < copy.bytes; i += 4) {
      std::uint32_t word = 0;
      std::memcpy(&word, to + i, 4);
      if (word != unwritten) {
        fail_overwritten(copy);
      }
    }
    for (int i = 0; i < copy.bytes; ++i) {
      to[i] = i < copy.source_bytes ? from[i] : '\0';
    }
  }
}

// ---- warp functions ----

template <typename T>
T shuffle(const char* name, unsigned mask, T value, unsigned source, const Site& site) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles move 4 or 8 bytes");
  Shuffle operand{0, source, 0};
  std::memcpy(&operand.value, &value, sizeof(T));
  warp_collective(name, mask, complete_shuffle, &operand, site);
  std::memcpy(&value, &operand.result, sizeof(T));
  return value;
}

// `width`, a power of two, splits the warp into segments of `width` lanes.
// A lane whose source would be outside its segment reads its own value.
template <typename T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, Site site = Site::current()) {
  const unsigned segment = lane_id() & ~static_cast<unsigned>(width - 1);
  return shuffle("__shfl_sync", mask, value,
                 segment + (static_cast<unsigned>(source) & static_cast<unsigned>(width - 1)), site);
}
template <typename T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, Site site = Site::current()) {
  const unsigned lane = lane_id();
  const bool inside = lane % static_cast<unsigned>(width) + delta < static_cast<unsigned>(width);
  return shuffle("__shfl_down_sync", mask, value, inside ? lane + delta : lane, site);
}
template <typename T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, Site site = Site::current()) {
  const unsigned lane = lane_id();
  const bool inside = lane % static_cast<unsigned>(width) >= delta;
  return shuffle("__shfl_up_sync", mask, value, inside ? lane - delta : lane, site);
}
template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32, Site site = Site::current()) {
  const unsigned lane = lane_id();
  const unsigned source = lane ^ static_cast<unsigned>(lane_mask);
  const bool inside = source < (lane & ~static_cast<unsigned>(width - 1)) + static_cast<unsigned>(width);
  return shuffle("__shfl_xor_sync", mask, value, inside ? source : lane, site);
}

inline unsigned vote(const char* name, unsigned mask, unsigned value, Complete complete, const Site& site) {
  Vote operand{value, 0};
  warp_collective(name, mask, complete, &operand, site);
  return operand.result;
}
inline unsigned __ballot_sync(unsigned mask, int predicate, Site site = Site::current()) {
  return vote("__ballot_sync", mask, predicate != 0, complete_ballot, site);
}
inline int __any_sync(unsigned mask, int predicate, Site site = Site::current()) {
  return vote("__any_sync", mask, predicate != 0, complete_ballot, site) != 0;
}
inline int __all_sync(unsigned mask, int predicate, Site site = Site::current()) {
  return vote("__all_sync", mask, predicate != 0, complete_ballot, site) == mask;
}
inline unsigned __reduce_add_sync(unsigned mask, unsigned value, Site site = Site::current()) {
  return vote("__reduce_add_sync", mask, value, complete_add, site);
}
inline int __reduce_add_sync(unsigned mask, int value, Site site = Site::current()) {
  return static_cast<int>(vote("__reduce_add_sync", mask, static_cast<unsigned>(value), complete_add, site));
}
inline unsigned __reduce_min_sync(unsigned mask, unsigned value, Site site = Site::current()) {
  return vote("__reduce_min_sync", mask, value, complete_min, site);
}
inline int __reduce_min_sync(unsigned mask, int value, Site site = Site::current()) {
  return static_cast<int>(
      vote("__reduce_min_sync", mask, static_cast<unsigned>(value), complete_min_signed, site));
}
inline unsigned __reduce_max_sync(unsigned mask, unsigned value, Site site = Site::current()) {
  return vote("__reduce_max_sync", mask, value, complete_max, site);
}
inline int __reduce_max_sync(unsigned mask, int value, Site site = Site::current()) {
  return static_cast<int>(
      vote("__reduce_max_sync", mask, static_cast<unsigned>(value), complete_max_signed, site));
}
inline unsigned __reduce_and_sync(unsigned mask, unsigned value, Site site = Site::current()) {
  return vote("__reduce_and_sync", mask, value, complete_and, site);
}
inline unsigned __reduce_or_sync(unsigned mask, unsigned value, Site site = Site::current()) {
  return vote("__reduce_or_sync", mask, value, complete_or, site);
}
inline unsigned __reduce_xor_sync(unsigned mask, unsigned value, Site site = Site::current()) {
  return vote("__reduce_xor_sync", mask, value, complete_xor, site);
}

}  // namespace sec::simt
