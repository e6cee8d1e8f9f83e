// The functions that g++ calls under -fsanitize=thread. They are compiled without debug information, so that gdb's `step`
// does not stop in them. Only functions that kernels need so far are defined; others fail at link time.
#include "tools/kernel_lab/instrumented.h"

#include <cstdint>

using sec::lab::traced_access;

// NOLINTBEGIN(bugprone-reserved-identifier,bugprone-macro-parentheses): the names are g++'s
#define ACCESS(bytes)                                                  \
  void __tsan_read##bytes(void* address) {                             \
    traced_access(__builtin_return_address(0), address, bytes, false); \
  }                                                                    \
  void __tsan_write##bytes(void* address) {                            \
    traced_access(__builtin_return_address(0), address, bytes, true);  \
  }

extern "C" {

ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)

void __tsan_read_range(void* address, std::size_t bytes) {
  traced_access(__builtin_return_address(0), address, bytes, false);
}
void __tsan_write_range(void* address, std::size_t bytes) {
  traced_access(__builtin_return_address(0), address, bytes, true);
}

void __tsan_init() {}
void __tsan_vptr_update(void** /*object*/, void* /*table*/) {}
void __tsan_func_entry(void* caller) {
  sec::lab::traced_entry(caller);
}
void __tsan_func_exit() {
  sec::lab::traced_exit();
}

// Used by launchers only: reference counts, guards of static variables, and the check for a listener of ranges.
std::uint32_t __tsan_atomic32_fetch_add(volatile std::uint32_t* address, std::uint32_t value, int /*order*/) {
  return __atomic_fetch_add(address, value, __ATOMIC_SEQ_CST);
}
std::uint8_t __tsan_atomic8_load(const volatile std::uint8_t* address, int /*order*/) {
  return __atomic_load_n(address, __ATOMIC_SEQ_CST);
}
std::uint64_t __tsan_atomic64_load(const volatile std::uint64_t* address, int /*order*/) {
  return __atomic_load_n(address, __ATOMIC_SEQ_CST);
}
}
// NOLINTEND(bugprone-reserved-identifier,bugprone-macro-parentheses)
