// Events that the fiber engine reports to a program that counts memory accesses and instructions of kernels,
// and the launches that it hands to a program that records them instead of running them.
// The functions are weak symbols: null in programs that define none of them. The engine is therefore compiled once.
#pragma once

#include <cstddef>

namespace sec {
struct LaunchSize;
}

namespace sec::simt {

struct AsyncCopy;
struct KernelName;

namespace observer {
// In a program that defines these three functions, launches of the simt device run nothing: each is recorded with its
// parameters, `bytes` of them in CUDA's layout. The arena takes its memory from reserve_memory() and writes nothing
// into it, so that the operands of a large network need no memory of the host.
[[gnu::weak]] void record_launch(const KernelName& name, const LaunchSize& size, const void* parameters,
                                 std::size_t bytes);
[[gnu::weak]] void* reserve_memory(std::size_t bytes);  // null if the system has no address space left
[[gnu::weak]] void release_memory(void* block);

[[gnu::weak]] void begin_launch(const KernelName& name);
[[gnu::weak]] void end_launch();
// All threads of these warps have returned or reached the same barrier or collective, and none has passed it.
[[gnu::weak]] void warps_met(unsigned first, unsigned count);
[[gnu::weak]] void end_block(unsigned warps);
[[gnu::weak]] void async_copy(const void* place, const AsyncCopy& copy);  // called by the running thread
[[gnu::weak]] void tensor_product(unsigned operations);                   // called by the running warp
// Between pause() and go_on(), accesses of the running thread are not counted.
[[gnu::weak]] void pause();
[[gnu::weak]] void go_on();
// The simt arena allocated a block from the system, or returned it.
[[gnu::weak]] void take_memory(const void* block, std::size_t bytes);
[[gnu::weak]] void give_back_memory(const void* block);
}  // namespace observer

inline bool observed() {
  return observer::begin_launch != nullptr;
}

inline bool records_launches() {
  return observer::record_launch != nullptr;
}

class ObservedLaunch {
 public:
  explicit ObservedLaunch(const KernelName& name) { observer::begin_launch(name); }
  ~ObservedLaunch() { observer::end_launch(); }
  ObservedLaunch(const ObservedLaunch&) = delete;
  ObservedLaunch& operator=(const ObservedLaunch&) = delete;
};

// During the lifetime of an Uncounted object, nothing is counted for the running thread.
class Uncounted {
 public:
  Uncounted() {
    if (observer::pause != nullptr) {
      observer::pause();
    }
  }
  ~Uncounted() {
    if (observer::go_on != nullptr) {
      observer::go_on();
    }
  }
  Uncounted(const Uncounted&) = delete;
  Uncounted& operator=(const Uncounted&) = delete;
};

}  // namespace sec::simt
