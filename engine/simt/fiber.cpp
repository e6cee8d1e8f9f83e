#include "engine/simt/fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <boost/context/detail/fcontext.hpp>

#include "engine/error.h"
#include "engine/simt/sanitizers.h"

namespace sec::simt {
namespace {

namespace context = boost::context::detail;

// Sanitized code has larger frames, and a sanitizer writes its report on the stack of the failing thread.
std::size_t stack_size() {
  return address_sanitizer() || thread_sanitizer() ? 512 * 1024 : 64 * 1024;
}

std::size_t guard_size() {
  static const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return page;
}

}  // namespace

char* map_memory(std::size_t bytes) {
  const Unwatched unwatched;
  void* memory =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  require(memory != MAP_FAILED, "simt: the system has no {} bytes left for stacks and shared memory", bytes);
  return static_cast<char*>(memory);
}

void renew_memory(char* memory, std::size_t bytes) {
  const Unwatched unwatched;
  void* same = mmap(memory, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  require(same == memory, "simt: the system has no {} bytes left for stacks and shared memory", bytes);
}

void unmap_memory(char* memory, std::size_t bytes) {
  munmap(memory, bytes);
}

struct Fibers::Entry {
  static void run(context::transfer_t transfer) {
    auto& fibers = *static_cast<Fibers*>(transfer.data);
    fibers.arrived(transfer.fctx);
    fibers.main_(*fibers.current_);
  }
};

Fibers::~Fibers() {
  for (const auto& fiber : all_) {
    unpoison(fiber->stack, fiber->stack_bytes);
    unmap_memory(fiber->stack - guard_size(), fiber->stack_bytes + guard_size());
  }
}

Fiber& Fibers::pop() {
  const Unwatched unwatched;
  if (free_.empty()) {
    auto fiber = std::make_unique<Fiber>();
    char* const memory = map_memory(guard_size() + stack_size());
    mprotect(memory, guard_size(), PROT_NONE);  // a stack overflow faults instead of corrupting another stack
    fiber->stack = memory + guard_size();
    fiber->stack_bytes = stack_size();
    // Stagger the stack tops by multiples of a cache line.
    // With equal page offsets, the stacks of a large block would compete for the same few cache sets.
    fiber->color = all_.size() * 5 % 64 * 64;
    free_.push_back(fiber.get());
    all_.push_back(std::move(fiber));
  }
  Fiber& fiber = *free_.back();
  free_.pop_back();
  return fiber;
}

void Fibers::push(Fiber& fiber) {
  const Unwatched unwatched;
  free_.push_back(&fiber);
}

void Fibers::abandon_all() {
  free_.clear();
  for (const auto& fiber : all_) {
    unpoison(fiber->stack, fiber->stack_bytes);
    fiber->context = nullptr;
    fiber->fake_stack = nullptr;
    free_.push_back(fiber.get());
  }
}

void Fibers::renew_all() {
  abandon_all();
  const std::size_t page = guard_size();
  std::vector<unsigned char> resident(stack_size() / page);
  for (const auto& fiber : all_) {  // renew the used part of each stack, from its lowest resident page up
    if (mincore(fiber->stack, fiber->stack_bytes, resident.data()) != 0) {
      fail("simt: the system does not report which pages of a stack are in use");
    }
    const auto lowest =
        std::find_if(resident.begin(), resident.end(), [](unsigned char p) { return (p & 1U) != 0; });
    const std::size_t unused = static_cast<std::size_t>(lowest - resident.begin()) * page;
    if (unused < fiber->stack_bytes) {
      renew_memory(fiber->stack + unused, fiber->stack_bytes - unused);
    }
  }
}

void Fibers::switch_to(Fiber& to) {
  Fiber& from = *current_;
  previous_ = &from;
  current_ = &to;
  if (to.context == nullptr) {
    char* const top = to.stack + to.stack_bytes - to.color;
    to.context = context::make_fcontext(top, to.stack_bytes - to.color, &Entry::run);
  }
  if (address_sanitizer()) {
    __sanitizer_start_switch_fiber(&from.fake_stack, to.stack, to.stack_bytes);
  }
  if (thread_sanitizer()) {
    constexpr unsigned no_sync = 1;
    __tsan_switch_to_fiber(to.tsan_fiber, no_sync);
  }
  const context::transfer_t transfer = context::jump_fcontext(to.context, this);
  arrived(transfer.fctx);
}

void Fibers::arrived(void* came_from) {
  previous_->context = came_from;
  if (address_sanitizer()) {
    const void* bottom = nullptr;
    std::size_t bytes = 0;
    __sanitizer_finish_switch_fiber(current_->fake_stack, &bottom, &bytes);
    if (previous_ == &host_) {  // the host runs on the thread's own stack
      host_.stack = static_cast<char*>(const_cast<void*>(bottom));
      host_.stack_bytes = bytes;
    }
  }
}

}  // namespace sec::simt
