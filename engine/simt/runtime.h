// The fiber engine under the simt device: runs the threads of a block in turn, each until it has to wait, and
// checks what they do together. Kernels use it through engine/launch.h.
//
// A violation ends the launch with one Error that names the kernel, the block and the places in the kernel:
// threads of a block that wait at different barriers, or return while others wait; a warp collective whose
// mask or place differs between its lanes, names a lane that has returned, or leaves out its caller; threads
// that wait for each other; a write into the red zone around a shared array.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <source_location>
#include <type_traits>

#include "engine/launch_size.h"

namespace sec::simt {

// In which order the threads of a block run, and the blocks of a grid start. A correct kernel gives the same
// result in every order; run tests in all three, as some bugs show in one only. The default is forward, or
// what SEC_SIMT_ORDER in the environment says: forward, reverse, shuffled or shuffled:SEED.
enum class Order : std::uint8_t { forward, reverse, shuffled };
void set_order(Order order, std::uint64_t seed = 0);
Order order();

// What memory holds that no thread has written: NaN as f32 and bf16, of the signalling kind, so that with
// SEC_SIMT_TRAP=1 in the environment arithmetic with it raises SIGFPE in the kernel's line (gdb stops there,
// AddressSanitizer prints it). As double it would be a number, so that double arrays have a pattern of their
// own.
constexpr std::uint32_t unwritten = 0xffb1ffb1U;
constexpr std::uint32_t unwritten_double = 0xfff1fff1U;
template <typename T>
constexpr std::uint32_t unwritten_as = std::is_same_v<T, double> ? unwritten_double : unwritten;

// Calls body(closure) once for every thread of the grid. Blocks run in parallel on the host's threads (one
// after another under ThreadSanitizer, which sees races all the same).
struct KernelName {
  const char* kernel;
  const char* file;
};
void run_grid(const KernelName& name, const LaunchSize& size, void (*body)(const void* closure),
              const void* closure);

using Site = std::source_location;  // where in a kernel a thread waits

// ---- the block ----

// The memory of the shared array that `key` (an address of its own per declaration) stands for, in this
// block.
void* shared_array(const void* key, const char* name, std::size_t bytes, std::uint32_t fill);
void* dynamic_shared(std::uint32_t fill);

enum class Barrier : std::uint8_t { plain, count, all, any };
int block_barrier(Barrier kind, int predicate, const Site& site);

// ---- the warp ----

unsigned lane_id();  // the thread's place in its warp

// Waits until all lanes that `mask` names have called with the same mask from the same place; then, before
// any goes on, complete() sees every lane's operand.
struct WarpOperands {
  unsigned mask;
  void* lane[32];  // null for lanes outside the mask
};
using Complete = void (*)(const WarpOperands& operands);
void warp_collective(const char* name, unsigned mask, Complete complete, void* operand, const Site& site);
// As a memory fence among the lanes, too.
void warp_barrier(unsigned mask, const Site& site);

struct Shuffle {
  std::uint64_t value;  // this lane's
  unsigned source;      // the lane to read, 0 to 31
  std::uint64_t result;
};
void complete_shuffle(const WarpOperands& operands);

struct Vote {
  unsigned value;
  unsigned result;
};
void complete_ballot(const WarpOperands& operands);  // bit i: whether lane i's value is not 0
void complete_add(const WarpOperands& operands);
void complete_min(const WarpOperands& operands);
void complete_max(const WarpOperands& operands);
void complete_min_signed(const WarpOperands& operands);
void complete_max_signed(const WarpOperands& operands);
void complete_and(const WarpOperands& operands);
void complete_or(const WarpOperands& operands);
void complete_xor(const WarpOperands& operands);

// d = a * b + c for the tile shapes of mma.sync. Fragments are laid out over the lanes as PTX documents.
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
  unsigned* result;  // one register a matrix
};
void complete_load_matrix(const WarpOperands& operands);

// ---- the thread ----

// An asynchronous copy that was issued; it happens when the thread waits for it, and never before.
struct AsyncCopy {
  void* to;
  const void* from;
  int bytes;         // written
  int source_bytes;  // read; the rest is zeros
  Site site;         // where it was issued
};
void async_copy(const AsyncCopy& copy);
void async_commit();
// Takes the next copy that is due when all but the `pending` last groups must be complete; false if none.
bool next_async_copy(int pending, AsyncCopy& copy);
constexpr int all_async_copies = -1;  // those not committed, too
// Reports that the destination of a copy, which is `unwritten` from its issue to its wait, is not.
[[noreturn]] void fail_overwritten(const AsyncCopy& copy);

void thread_fence();

}  // namespace sec::simt
