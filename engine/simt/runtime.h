// The fiber engine of the simt device. It runs the threads of a block in turn, each until it has to wait,
// and checks barriers and warp collectives.
// Kernels use it through engine/launch.h.
//
// A violation ends the launch with one Error that names the kernel, the block and the source locations.
// Violations are:
// - threads of a block wait at different barriers, or a thread returns while others wait at a barrier;
// - the lanes of a warp collective differ in mask or source location;
// - the mask of a warp collective names a lane that has returned, or does not name its caller;
// - threads wait for each other;
// - a thread writes into the red zone around a shared array.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <source_location>
#include <type_traits>

#include "engine/launch_size.h"

namespace sec::simt {

// The order in which the threads of a block run and the blocks of a grid start.
// Run tests in all three orders:
// a correct kernel gives the same result in each, and some bugs show in only one.
// The environment variable SEC_SIMT_ORDER selects forward (the default), reverse, shuffled or shuffled:SEED.
enum class Order : std::uint8_t { forward, reverse, shuffled };
void set_order(Order order, std::uint64_t seed = 0);
Order order();

// The pattern that fills memory until a thread writes to it: a signalling NaN as f32 and as bf16.
// With SEC_SIMT_TRAP=1 in the environment, arithmetic with the pattern raises SIGFPE at the kernel's line.
// gdb stops at the line, and AddressSanitizer prints it.
// As a double the pattern would be an ordinary number, so double arrays have a separate pattern.
constexpr std::uint32_t unwritten = 0xffb1ffb1U;
constexpr std::uint32_t unwritten_double = 0xfff1fff1U;
template <typename T>
constexpr std::uint32_t unwritten_as = std::is_same_v<T, double> ? unwritten_double : unwritten;

// Calls body(closure) once for every thread of the grid. Blocks run in parallel on the host's threads.
// Under ThreadSanitizer blocks run sequentially; races between blocks are still detected.
struct KernelName {
  const char* kernel;
  const char* file;
};
void run_grid(const KernelName& name, const LaunchSize& size, void (*body)(const void* closure),
              const void* closure);

using Site = std::source_location;  // a source location in a kernel

// ---- the block ----

// Returns this block's shared array for a declaration. `key` is an address that is unique to the declaration.
void* shared_array(const void* key, const char* name, std::size_t bytes, std::uint32_t fill);
void* dynamic_shared(std::uint32_t fill);

enum class Barrier : std::uint8_t { plain, count, all, any };
int block_barrier(Barrier kind, int predicate, const Site& site);

// ---- the warp ----

unsigned lane_id();  // index of the thread in its warp

// Waits until all lanes named by `mask` have made this call with the same mask from the same source location.
// Then complete() processes the operands of all lanes, before any lane continues.
struct WarpOperands {
  unsigned mask;
  void* lane[32];  // null for lanes outside the mask
};
using Complete = void (*)(const WarpOperands& operands);
void warp_collective(const char* name, unsigned mask, Complete complete, void* operand, const Site& site);
// Waits like warp_collective, and is a memory fence among the lanes.
void warp_barrier(unsigned mask, const Site& site);

struct Shuffle {
  std::uint64_t value;  // the value of this lane
  unsigned source;      // the lane to read, 0 to 31
  std::uint64_t result;
};
void complete_shuffle(const WarpOperands& operands);

struct Vote {
  unsigned value;
  unsigned result;
};
void complete_ballot(const WarpOperands& operands);  // bit i is set if the value of lane i is not 0
void complete_add(const WarpOperands& operands);
void complete_min(const WarpOperands& operands);
void complete_max(const WarpOperands& operands);
void complete_min_signed(const WarpOperands& operands);
void complete_max_signed(const WarpOperands& operands);
void complete_and(const WarpOperands& operands);
void complete_or(const WarpOperands& operands);
void complete_xor(const WarpOperands& operands);

// d = a * b + c for the tile shapes of mma.sync. The PTX ISA documents which lane holds which elements.
struct Mma {
  float* d;           // 4
  const unsigned* a;  // 4
  const unsigned* b;  // 2
  const float* c;     // 4
};
void complete_mma_m16n8k16_bf16(const WarpOperands& operands);
void complete_mma_m16n8k8_tf32(const WarpOperands& operands);

struct LoadMatrix {
  unsigned row[4];  // the 16 bytes at this lane's address
  int matrices;     // 1, 2 or 4
  bool transposed;
  unsigned* result;  // one register per matrix
};
void complete_load_matrix(const WarpOperands& operands);

// ---- the thread ----

// An issued asynchronous copy. The copy happens when its thread waits for it, never before.
struct AsyncCopy {
  void* to;
  const void* from;
  int bytes;         // bytes to write
  int source_bytes;  // bytes to read; the rest is filled with zeros
  Site site;         // source location of the call that issued the copy
};
void async_copy(const AsyncCopy& copy);
void async_commit();
// Removes the next copy to perform so that all groups but the last `pending` complete. False if none is left.
bool next_async_copy(int pending, AsyncCopy& copy);
constexpr int all_async_copies = -1;  // includes copies that are not committed
// Throws Error: the destination of a copy was written between the issue of the copy and the wait for it.
[[noreturn]] void fail_overwritten(const AsyncCopy& copy);

void thread_fence();

}  // namespace sec::simt
