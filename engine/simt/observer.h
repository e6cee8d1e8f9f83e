// What the fiber engine tells a program that counts what kernels do (counters.h). The functions are weak, as
// the sanitizers' are: null in programs without the counters, so that the engine is compiled once.
#pragma once

#include <cstddef>

namespace sec::simt {

struct AsyncCopy;
struct KernelName;

namespace observer {
[[gnu::weak]] void begin_launch(const KernelName& name);
[[gnu::weak]] void end_launch();
// All threads of these warps have come to the same place, and none has gone on; or they have returned.
[[gnu::weak]] void warps_met(unsigned first, unsigned count);
[[gnu::weak]] void end_block(unsigned warps);
[[gnu::weak]] void async_copy(const void* place, const AsyncCopy& copy);  // by the running thread
[[gnu::weak]] void tensor_product(unsigned operations);                   // by the running warp
// What the running thread accesses in between stands for something else.
[[gnu::weak]] void pause();
[[gnu::weak]] void go_on();
// Blocks that the arena of the simt device has from the system.
[[gnu::weak]] void take_memory(const void* block, std::size_t bytes);
[[gnu::weak]] void give_back_memory(const void* block);
}  // namespace observer

inline bool observed() {
  return observer::begin_launch != nullptr;
}

class ObservedLaunch {
 public:
  explicit ObservedLaunch(const KernelName& name) { observer::begin_launch(name); }
  ~ObservedLaunch() { observer::end_launch(); }
  ObservedLaunch(const ObservedLaunch&) = delete;
  ObservedLaunch& operator=(const ObservedLaunch&) = delete;
};

// While one lives, nothing is counted for the running thread.
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
