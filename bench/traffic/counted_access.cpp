// The functions that g++ calls under -fsanitize=thread and -fsanitize-coverage. Here they serve the counters.
// Only functions that kernels need so far are defined; others fail at link time.
#include "bench/traffic/counted_access.h"

#include <cstdint>

namespace {

using sec::simt::counted_access;
using sec::simt::counted_run;

}  // namespace

// NOLINTBEGIN(bugprone-reserved-identifier): the names are g++'s
extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void* /*caller*/) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void** /*object*/, void* /*table*/) {}

void __tsan_read1(void* address) {
  counted_access(__builtin_return_address(0), address, 1, false);
}
void __tsan_read2(void* address) {
  counted_access(__builtin_return_address(0), address, 2, false);
}
void __tsan_read4(void* address) {
  counted_access(__builtin_return_address(0), address, 4, false);
}
void __tsan_read8(void* address) {
  counted_access(__builtin_return_address(0), address, 8, false);
}
void __tsan_read16(void* address) {
  counted_access(__builtin_return_address(0), address, 16, false);
}
void __tsan_read_range(void* address, std::size_t bytes) {
  counted_access(__builtin_return_address(0), address, bytes, false);
}
void __tsan_write1(void* address) {
  counted_access(__builtin_return_address(0), address, 1, true);
}
void __tsan_write2(void* address) {
  counted_access(__builtin_return_address(0), address, 2, true);
}
void __tsan_write4(void* address) {
  counted_access(__builtin_return_address(0), address, 4, true);
}
void __tsan_write8(void* address) {
  counted_access(__builtin_return_address(0), address, 8, true);
}
void __tsan_write16(void* address) {
  counted_access(__builtin_return_address(0), address, 16, true);
}
void __tsan_write_range(void* address, std::size_t bytes) {
  counted_access(__builtin_return_address(0), address, bytes, true);
}

// Called at the beginning of every straight run of instructions (a basic block).
void __sanitizer_cov_trace_pc() {
  counted_run(__builtin_return_address(0));
}

// In kernels an atomic exchange counts as a load and a store. Launchers use it for reference counts.
std::uint32_t __tsan_atomic32_fetch_add(volatile std::uint32_t* address, std::uint32_t value, int /*order*/) {
  auto* const cell = const_cast<std::uint32_t*>(address);
  counted_access(__builtin_return_address(0), cell, 4, false);
  counted_access(__builtin_return_address(0), cell, 4, true);
  return __atomic_fetch_add(address, value, __ATOMIC_SEQ_CST);
}

// Used by launchers only: guards of static variables, and the check for a listener of ranges.
std::uint8_t __tsan_atomic8_load(const volatile std::uint8_t* address, int /*order*/) {
  return __atomic_load_n(address, __ATOMIC_SEQ_CST);
}
std::uint64_t __tsan_atomic64_load(const volatile std::uint64_t* address, int /*order*/) {
  return __atomic_load_n(address, __ATOMIC_SEQ_CST);
}
}
// NOLINTEND(bugprone-reserved-identifier)
