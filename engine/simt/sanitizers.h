// Functions by which the fiber engine informs the sanitizers.
// They are weak symbols, null in programs without the sanitizer.
// The engine is therefore compiled once, without instrumentation.
#pragma once

#include <cstddef>

// NOLINTBEGIN(bugprone-reserved-identifier): the names are the sanitizers' own
extern "C" {
// AddressSanitizer
[[gnu::weak]] void __sanitizer_start_switch_fiber(void** fake_stack, const void* bottom, std::size_t size);
[[gnu::weak]] void __sanitizer_finish_switch_fiber(void* fake_stack, const void** old_bottom,
                                                   std::size_t* old_size);
[[gnu::weak]] void __asan_poison_memory_region(const volatile void* address, std::size_t size);
[[gnu::weak]] void __asan_unpoison_memory_region(const volatile void* address, std::size_t size);
// ThreadSanitizer
[[gnu::weak]] void* __tsan_get_current_fiber();
[[gnu::weak]] void* __tsan_create_fiber(unsigned flags);
[[gnu::weak]] void __tsan_destroy_fiber(void* fiber);
[[gnu::weak]] void __tsan_switch_to_fiber(void* fiber, unsigned flags);
[[gnu::weak]] void __tsan_acquire(void* address);
[[gnu::weak]] void __tsan_release(void* address);
[[gnu::weak]] void AnnotateIgnoreReadsBegin(const char* file, int line);
[[gnu::weak]] void AnnotateIgnoreReadsEnd(const char* file, int line);
[[gnu::weak]] void AnnotateIgnoreWritesBegin(const char* file, int line);
[[gnu::weak]] void AnnotateIgnoreWritesEnd(const char* file, int line);
}
// NOLINTEND(bugprone-reserved-identifier)

namespace sec::simt {

inline bool address_sanitizer() {
  return __sanitizer_start_switch_fiber != nullptr;
}
inline bool thread_sanitizer() {
  return __tsan_create_fiber != nullptr;
}

inline void poison(const void* address, std::size_t bytes) {
  if (__asan_poison_memory_region != nullptr) {
    __asan_poison_memory_region(address, bytes);
  }
}
inline void unpoison(const void* address, std::size_t bytes) {
  if (__asan_unpoison_memory_region != nullptr) {
    __asan_unpoison_memory_region(address, bytes);
  }
}

// Lets ThreadSanitizer ignore the engine's memory accesses on the running thread while the object exists.
// The engine allocates memory on one thread and reuses it for another.
class Unwatched {
 public:
  Unwatched() {
    if (thread_sanitizer()) {
      AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
      AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
    }
  }
  ~Unwatched() {
    if (thread_sanitizer()) {
      AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
      AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
    }
  }
  Unwatched(const Unwatched&) = delete;
  Unwatched& operator=(const Unwatched&) = delete;
};

// Work of a thread before release() happens before work of another thread after acquire() of the same token.
// A null token has no effect.
inline void release(void* token) {
  if (token != nullptr) {
    __tsan_release(token);
  }
}
inline void acquire(void* token) {
  if (token != nullptr) {
    __tsan_acquire(token);
  }
}

}  // namespace sec::simt
