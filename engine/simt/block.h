// Schedules the threads of one block: which thread runs, which threads wait and where, which runs next.
#pragma once

#include <array>
#include <cstdint>
#include <exception>
#include <string>
#include <vector>

#include "engine/simt/cuda_language.h"
#include "engine/simt/fiber.h"
#include "engine/simt/runtime.h"
#include "engine/simt/shared_arena.h"

namespace sec::simt {

constexpr unsigned max_threads = 1024;
constexpr unsigned warp_size = 32;

// A CUDA thread.
struct Lane {
  enum class State : std::uint8_t { unstarted, running, waiting, done };
  struct PendingCopy {
    AsyncCopy copy;
    int group;
  };

  State state = State::unstarted;
  unsigned number = 0;  // index of the thread in its block
  uint3 index{};        // threadIdx
  Fiber* fiber = nullptr;
  void* tsan_fiber = nullptr;
  const char* waits_in = "";
  Site site;                        // the source location at which the thread waits
  std::vector<PendingCopy> copies;  // pending cp.async copies, oldest first, starting at next_copy
  std::size_t next_copy = 0;
  int groups = 0;  // committed groups of copies
};

// A warp collective that has not been called by all of its lanes yet.
struct Gathering {
  unsigned mask;
  unsigned arrived;
  const char* name;
  Site site;
  Complete complete;
  void* token;
  WarpOperands operands;
};

struct Warp {
  unsigned exited = 0;  // mask of lanes that have returned or do not exist in a partial warp
  int gatherings = 0;
  std::array<Gathering, warp_size> gathering;
};

// A kernel launch in progress.
struct Launch {
  const char* kernel;
  LaunchSize size;
  void (*body)(const void* closure);
  const void* closure;
  Order order;
  std::uint64_t seed;
};

// Addresses to which ThreadSanitizer attaches happens-before edges. Each barrier uses a new address.
class Tokens {
 public:
  ~Tokens() { clear(); }
  void* next();  // null without ThreadSanitizer
  void clear();

 private:
  static constexpr std::size_t chunk = 64 * 1024;
  std::vector<char*> chunks_;
  std::size_t used_ = chunk;
};

// ThreadSanitizer's fibers, one for each thread of a block. Creating a fiber takes half a millisecond,
// so fibers are reused: by the next launch, and within a launch after 2048 other threads.
// ThreadSanitizer treats threads on the same fiber as ordered.
// It therefore misses races between blocks that start more than 2048 threads apart.
// Keep test grids small and run several block orders.
class TsanFibers {
 public:
  ~TsanFibers() { clear(); }
  void* next(unsigned threads);  // the next fiber for a block of `threads`; null without ThreadSanitizer
  void begin_launch() { turn_ = 0; }
  void clear();

 private:
  std::vector<void*> all_;
  std::size_t turn_ = 0;
};

// Runs blocks sequentially on one host thread.
class BlockRunner {
 public:
  BlockRunner() : fibers_(thread_main) {}

  // Throws Error on a violation, and rethrows exceptions of the kernel.
  void run(const Launch& launch, std::size_t block);
  // Order a launch for ThreadSanitizer: earlier host work happens before all threads of the launch.
  // All threads of the launch happen before later host work.
  void begin_launch();
  void end_launch();

  void* shared_array(const void* key, const char* name, std::size_t bytes, std::uint32_t fill);
  void* dynamic_shared(std::uint32_t fill);
  int barrier(Barrier kind, int predicate, const Site& site);
  void collective(const char* name, unsigned mask, Complete complete, void* operand, const Site& site,
                  bool is_fence);
  void fence();
  [[noreturn]] void fail_overwritten(const AsyncCopy& copy) const;
  Lane& current() { return *current_; }
  bool in_shared_memory(const void* address) const { return arena_.holds(address); }
  const SharedArena& shared_memory() const { return arena_; }

 private:
  static void thread_main(Fiber& self);
  void run_thread(Fiber& self);
  void begin_block(std::size_t block);
  void end_block();
  void order_threads(std::size_t block);
  void leave(Lane& lane);  // called when the lane's thread has returned
  void go_on(bool done);   // switches to a runnable thread; returns when this fiber has one
  void wait(const char* what, const Site& site);
  void run_on(Fiber& fiber, Lane& lane);
  [[noreturn]] void deadlock() const;
  [[noreturn]] void fail_block(const std::string& what) const;  // throws Error
  std::string place_of(const Lane& lane) const;

  const Launch* launch_ = nullptr;
  Fibers fibers_;
  SharedArena arena_;
  Tokens tokens_;
  TsanFibers tsan_fibers_;
  void* begin_token_ = nullptr;
  void* end_token_ = nullptr;
  void* fence_token_ = nullptr;

  unsigned threads_ = 0;
  std::array<Lane, max_threads> lanes_;
  std::array<Warp, max_threads / warp_size> warps_;
  Lane* current_ = nullptr;
  unsigned started_ = 0;
  unsigned done_ = 0;

  // The order in which the threads run, for the block and within each warp, and the launch it was made for.
  std::array<std::uint16_t, max_threads> order_;
  std::array<std::uint16_t, max_threads> warp_order_;
  unsigned ordered_threads_ = 0;
  Order ordered_as_ = Order::shuffled;

  // A queue of runnable threads, first in, first out.
  std::array<Lane*, max_threads> ready_;
  unsigned ready_head_ = 0;
  unsigned ready_tail_ = 0;
  void make_ready(Lane& lane) { ready_[ready_tail_++ % max_threads] = &lane; }

  // State of the current block barrier.
  unsigned arrived_ = 0;
  Lane* first_arrived_ = nullptr;
  int true_predicates_ = 0;
  int barrier_count_ = 0;  // number of true predicates at the last completed barrier
  void* barrier_token_ = nullptr;

  std::exception_ptr exception_;  // the exception that ended the block
};

BlockRunner& runner();  // the runner of the calling host thread

}  // namespace sec::simt
