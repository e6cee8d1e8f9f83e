// Fibers: the stacks on which the threads of a block run, and switching between them.
// A fiber outlives its thread. Fibers are reused for other threads, blocks and launches.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace sec::simt {

struct Lane;

struct Fiber {
  void* context = nullptr;  // context to resume; null: not started
  char* stack = nullptr;    // lowest usable byte
  std::size_t stack_bytes = 0;
  std::size_t color = 0;       // unused bytes at the top, see Fibers::pop
  void* fake_stack = nullptr;  // AddressSanitizer's
  void* tsan_fiber = nullptr;  // ThreadSanitizer's fiber of that thread
  Lane* lane = nullptr;        // the thread that runs on this fiber
};

// The fibers of one host thread.
class Fibers {
 public:
  using Main = void (*)(Fiber& self);  // never returns

  explicit Fibers(Main main) : main_(main) {}
  ~Fibers();
  Fibers(const Fibers&) = delete;
  Fibers& operator=(const Fibers&) = delete;

  Fiber& host() { return host_; }
  Fiber& current() { return *current_; }
  Fiber& pop();             // returns an unused fiber
  void push(Fiber& fiber);  // makes the fiber available for reuse
  // Discards the state of all fibers. The host calls it after a failed block.
  void abandon_all();
  // Makes ThreadSanitizer treat all stacks as new memory.
  // The next block's threads, which are not ordered after this block's threads, will use the same stacks.
  void renew_all();

  // Switches from the current fiber to `to`. Returns when another fiber switches back.
  void switch_to(Fiber& to);

 private:
  struct Entry;  // entry function for Boost.Context

  void arrived(void* came_from);

  Main main_;
  Fiber host_;
  Fiber* current_ = &host_;
  Fiber* previous_ = nullptr;
  std::vector<std::unique_ptr<Fiber>> all_;
  std::vector<Fiber*> free_;
};

// Zeroed memory that ThreadSanitizer treats as never accessed.
char* map_memory(std::size_t bytes);
void renew_memory(char* memory, std::size_t bytes);
void unmap_memory(char* memory, std::size_t bytes);

}  // namespace sec::simt
