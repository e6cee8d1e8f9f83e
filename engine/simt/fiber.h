// Fibers: stacks to run a thread of a block on, and the switch from one to another. A fiber outlives the
// threads that run on it: they are reused from thread to thread, block to block and launch to launch.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace sec::simt {

struct Lane;

struct Fiber {
  void* context = nullptr;  // where to go on; null: not begun
  char* stack = nullptr;    // its lowest usable byte
  std::size_t stack_bytes = 0;
  std::size_t color = 0;       // bytes left out at its upper end
  void* fake_stack = nullptr;  // AddressSanitizer's
  void* tsan_fiber = nullptr;  // ThreadSanitizer's view of the thread that runs here
  Lane* lane = nullptr;        // the thread that runs here
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
  Fiber& pop();
  void push(Fiber& fiber);
  // Forgets what any fiber was doing: for use by the host, after a block that failed.
  void abandon_all();
  // Makes the stacks of all fibers new memory in ThreadSanitizer's eyes: another block's threads, which are
  // not ordered with this block's, will run there.
  void renew_all();

  // Leaves the current fiber for `to`; returns when someone switches back.
  void switch_to(Fiber& to);

 private:
  struct Entry;  // of Boost.Context

  void arrived(void* came_from);

  Main main_;
  Fiber host_;
  Fiber* current_ = &host_;
  Fiber* previous_ = nullptr;
  std::vector<std::unique_ptr<Fiber>> all_;
  std::vector<Fiber*> free_;
};

// Memory whose bytes are zero and, under ThreadSanitizer, that nobody has accessed.
char* map_memory(std::size_t bytes);
void renew_memory(char* memory, std::size_t bytes);
void unmap_memory(char* memory, std::size_t bytes);

}  // namespace sec::simt
