#include "engine/simt/block.h"

#include <algorithm>
#include <cfenv>
#include <cstdlib>
#include <map>
#include <memory>
#include <utility>

#include "engine/error.h"
#include "engine/philox.h"
#include "engine/simt/observer.h"
#include "engine/simt/sanitizers.h"
#include "engine/simt/steps.h"

namespace sec::simt {

constinit thread_local uint3 threadIdx{};
constinit thread_local uint3 blockIdx{};
constinit thread_local dim3 blockDim{};
constinit thread_local dim3 gridDim{};

namespace {

bool same(const Site& a, const Site& b) {
  return a.line() == b.line() && a.column() == b.column() &&
         (a.file_name() == b.file_name() || std::strcmp(a.file_name(), b.file_name()) == 0);
}

std::string text(const Site& site) {
  return fmt::format("{}:{}:{}", site.file_name(), site.line(), site.column());
}

std::string text(const uint3& index) {
  return fmt::format("({}, {}, {})", index.x, index.y, index.z);
}

bool trap_wanted() {
  static const bool wanted = [] {
    const char* const variable = std::getenv("SEC_SIMT_TRAP");
    return variable != nullptr && std::strcmp(variable, "1") == 0;
  }();
  return wanted;
}

uint3 unflatten(std::size_t number, const std::array<unsigned, 3>& extents) {
  return {static_cast<unsigned>(number % extents[0]), static_cast<unsigned>(number / extents[0] % extents[1]),
          static_cast<unsigned>(number / extents[0] / extents[1])};
}

}  // namespace

// ---- tokens ----

void* Tokens::next() {
  if (!thread_sanitizer()) {
    return nullptr;
  }
  if (used_ == chunk) {
    const Unwatched unwatched;
    chunks_.push_back(map_memory(chunk));
    used_ = 0;
  }
  void* const token = chunks_.back() + used_;
  used_ += 8;
  return token;
}

void Tokens::clear() {
  for (char* memory : chunks_) {
    unmap_memory(memory, chunk);
  }
  chunks_.clear();
  used_ = chunk;
}

void* TsanFibers::next(unsigned threads) {
  if (!thread_sanitizer()) {
    return nullptr;
  }
  const std::size_t window = std::max(2048U, 2 * threads);
  if (turn_ >= window) {
    turn_ = 0;
  }
  if (turn_ == all_.size()) {
    all_.push_back(__tsan_create_fiber(0));
  }
  return all_[turn_++];
}

void TsanFibers::clear() {
  for (void* fiber : all_) {
    __tsan_destroy_fiber(fiber);
  }
  all_.clear();
}

// ---- the life of a block ----

namespace {
constinit thread_local BlockRunner* current_runner = nullptr;
}

BlockRunner& runner() {
  if (current_runner == nullptr) [[unlikely]] {
    static thread_local const auto instance = std::make_unique<BlockRunner>();
    current_runner = instance.get();
  }
  return *current_runner;
}

void BlockRunner::begin_launch() {
  tsan_fibers_.begin_launch();
  begin_token_ = tokens_.next();
  release(begin_token_);
  end_token_ = tokens_.next();
  fence_token_ = tokens_.next();
}

void BlockRunner::end_launch() {
  acquire(end_token_);
  tokens_.clear();
}

void BlockRunner::run(const Launch& launch, std::size_t block) {
  launch_ = &launch;
  begin_block(block);
  Fiber& first = fibers_.pop();
  Lane& lane = lanes_[order_[started_++]];
  run_on(first, lane);
  fibers_.switch_to(first);
  end_block();
}

void BlockRunner::begin_block(std::size_t block) {
  const LaunchSize& size = launch_->size;
  gridDim = dim3(size.grid[0], size.grid[1], size.grid[2]);
  blockDim = dim3(size.block[0], size.block[1], size.block[2]);
  blockIdx = unflatten(block, size.grid);

  threads_ = size.threads();
  started_ = done_ = arrived_ = ready_head_ = ready_tail_ = 0;
  order_threads(block);
  for (unsigned i = 0; i < threads_; ++i) {
    Lane& lane = lanes_[i];
    lane.state = Lane::State::unstarted;
    lane.number = i;
    lane.index = unflatten(i, size.block);
    lane.copies.clear();
    lane.next_copy = 0;
    lane.groups = 0;
    // Not created in a thread of the block: a new fiber is ordered after its creator's work.
    lane.tsan_fiber = tsan_fibers_.next(threads_);
  }
  for (unsigned w = 0; w * warp_size < threads_; ++w) {
    const unsigned lanes = threads_ - w * warp_size;
    warps_[w].exited = lanes >= warp_size ? 0 : 0xffffffffU << lanes;
    warps_[w].gatherings = 0;
  }
  if (thread_sanitizer()) {
    fibers_.host().tsan_fiber = __tsan_get_current_fiber();
  }
}

void BlockRunner::end_block() {
  if (observed()) {
    observer::end_block((threads_ + warp_size - 1) / warp_size);
  }
  const std::exception_ptr exception = std::exchange(exception_, nullptr);
  const std::string damage = exception ? "" : arena_.damage();
  arena_.clear();
  if (thread_sanitizer()) {
    if (exception) {
      tsan_fibers_.clear();  // calls of the failed block's threads will never return
    }
    fibers_.renew_all();
  } else if (exception) {
    fibers_.abandon_all();
  }
  if (exception) {
    acquire(end_token_);
    std::rethrow_exception(exception);
  }
  if (!damage.empty()) {
    fail_block(damage);
  }
}

void BlockRunner::order_threads(std::size_t block) {
  const Order order = launch_->order;
  if (order != Order::shuffled && order == ordered_as_ && threads_ == ordered_threads_) {
    return;
  }
  ordered_as_ = order;
  ordered_threads_ = threads_;
  for (unsigned i = 0; i < threads_; ++i) {
    order_[i] = static_cast<std::uint16_t>(order == Order::reverse ? threads_ - 1 - i : i);
  }
  if (order == Order::shuffled) {  // Fisher-Yates
    for (unsigned i = threads_ - 1; i > 0; --i) {
      const unsigned k = philox(launch_->seed, i, static_cast<unsigned>(block), 0, 0).word[0] % (i + 1);
      const std::uint16_t swapped = order_[i];
      order_[i] = order_[k];
      order_[k] = swapped;
    }
  }
  std::array<unsigned, max_threads / warp_size> filled{};
  for (unsigned i = 0; i < threads_; ++i) {
    const unsigned warp = order_[i] / warp_size;
    warp_order_[warp * warp_size + filled[warp]++] = order_[i];
  }
}

// ---- running and waiting ----

void BlockRunner::thread_main(Fiber& self) {
  runner().run_thread(self);
}

void BlockRunner::run_thread(Fiber& self) {
  if (trap_wanted()) {
    feenableexcept(FE_INVALID);  // for this fiber only: a switch saves and restores the FP control word
  }
  while (true) {
    acquire(begin_token_);
    try {
      launch_->body(launch_->closure);
      leave(*self.lane);
      go_on(true);
    } catch (...) {
      exception_ = std::current_exception();
    }
    if (exception_) {
      release(end_token_);
      fibers_.switch_to(fibers_.host());  // the host discards this fiber
    }
  }
}

void BlockRunner::run_on(Fiber& fiber, Lane& lane) {
  lane.fiber = &fiber;
  lane.state = Lane::State::running;
  fiber.lane = &lane;
  fiber.tsan_fiber = lane.tsan_fiber;
  current_ = &lane;
  threadIdx = lane.index;
}

void BlockRunner::go_on(bool done) {
  Fiber& self = fibers_.current();
  if (ready_head_ != ready_tail_) {
    Lane& lane = *ready_[ready_head_++ % max_threads];
    lane.state = Lane::State::running;
    current_ = &lane;
    threadIdx = lane.index;
    if (lane.fiber != &self) {
      if (done && !thread_sanitizer()) {
        fibers_.push(self);
      }
      fibers_.switch_to(*lane.fiber);
    }
  } else if (started_ < threads_) {
    Lane& lane = lanes_[order_[started_++]];
    if (done && !thread_sanitizer()) {
      run_on(self, lane);  // threads that never wait run in a loop on one fiber
    } else {
      Fiber& fiber = fibers_.pop();
      run_on(fiber, lane);
      fibers_.switch_to(fiber);
    }
  } else if (done_ == threads_) {
    if (!thread_sanitizer()) {
      fibers_.push(self);
    }
    fibers_.switch_to(fibers_.host());
  } else {
    deadlock();
  }
}

void BlockRunner::wait(const char* what, const Site& site) {
  Lane& lane = *current_;
  lane.state = Lane::State::waiting;
  lane.waits_in = what;
  lane.site = site;
}

void BlockRunner::leave(Lane& lane) {
  release(end_token_);
  lane.state = Lane::State::done;
  ++done_;
  if (arrived_ > 0) {
    fail_block(fmt::format("threads diverge at a barrier: thread {} waits in {}, thread {} has returned",
                           text(first_arrived_->index), place_of(*first_arrived_), text(lane.index)));
  }
  Warp& warp = warps_[lane.number / warp_size];
  const unsigned bit = 1U << (lane.number % warp_size);
  warp.exited |= bit;
  for (int i = 0; i < warp.gatherings; ++i) {
    const Gathering& gathering = warp.gathering[i];
    if ((gathering.mask & bit) != 0) {
      fail_block(fmt::format("{} at {}: its mask {:#010x} names thread {}, which has returned",
                             gathering.name, text(gathering.site), gathering.mask, text(lane.index)));
    }
  }
}

void BlockRunner::fail_block(const std::string& what) const {
  fail("kernel {}, {}, block {}: {}", launch_->kernel, launch_->size.text(), text(blockIdx), what);
}

void BlockRunner::fail_overwritten(const AsyncCopy& copy) const {
  fail_block(fmt::format("cp_async of thread {} at {}: its destination was written before the wait for it",
                         text(current_->index), text(copy.site)));
}

void BlockRunner::deadlock() const {
  std::map<std::string, std::pair<unsigned, const Lane*>> places;  // number of threads, first thread
  for (unsigned i = 0; i < threads_; ++i) {
    const Lane& lane = lanes_[i];
    if (lane.state == Lane::State::waiting) {
      auto [entry, is_new] = places.try_emplace(place_of(lane), 0, &lane);
      ++entry->second.first;
    }
  }
  std::string list;
  for (const auto& [place, waiting] : places) {
    list += fmt::format("{}{} thread(s), the first of them {}, in {}", list.empty() ? "" : "; ",
                        waiting.first, text(waiting.second->index), place);
  }
  fail_block("no thread can go on: " + list);
}

std::string BlockRunner::place_of(const Lane& lane) const {
  return fmt::format("{} at {}", lane.waits_in, text(lane.site));
}

// ---- the block's memory and barrier ----

void* BlockRunner::shared_array(const void* key, const char* name, std::size_t bytes, std::uint32_t fill) {
  void* const data = arena_.array(key, name, bytes, fill);
  const std::size_t dynamic = launch_->size.dynamic_shared;
  if (data == nullptr || arena_.bytes() - (key == this ? dynamic : 0) > max_shared) {
    fail_block(
        fmt::format("no room for shared array {} of {} bytes: a block has {}", name, bytes, max_shared));
  }
  return data;
}

void* BlockRunner::dynamic_shared(std::uint32_t fill) {
  if (launch_->size.dynamic_shared == 0) {
    fail_block("the kernel uses dynamic shared memory, but was launched with none");
  }
  return shared_array(this, "DYN_SHARED", launch_->size.dynamic_shared, fill);
}

int BlockRunner::barrier(Barrier kind, int predicate, const Site& site) {
  static constexpr const char* names[] = {"__syncthreads", "__syncthreads_count", "__syncthreads_and",
                                          "__syncthreads_or"};
  Lane& lane = *current_;
  wait(names[static_cast<int>(kind)], site);
  if (arrived_ == 0) {
    first_arrived_ = &lane;
    true_predicates_ = 0;
    barrier_token_ = tokens_.next();
  } else if (!same(first_arrived_->site, site)) {
    fail_block(fmt::format("threads diverge at a barrier: thread {} waits in {}, thread {} in {}",
                           text(first_arrived_->index), place_of(*first_arrived_), text(lane.index),
                           place_of(lane)));
  }
  if (done_ > 0) {
    const Lane* returned = lanes_.data();
    while (returned->state != Lane::State::done) {
      ++returned;
    }
    fail_block(fmt::format("threads diverge at a barrier: thread {} waits in {}, thread {} has returned",
                           text(lane.index), place_of(lane), text(returned->index)));
  }
  void* const token = barrier_token_;
  release(token);
  true_predicates_ += predicate != 0;
  if (++arrived_ == threads_) {
    arrived_ = 0;
    if (observed()) {
      observer::warps_met(0, (threads_ + warp_size - 1) / warp_size);
    }
    if (observer::block_met != nullptr) {
      observer::block_met(lane.waits_in, site);
    }
    barrier_count_ = true_predicates_;
    for (unsigned i = 0; i < threads_; ++i) {
      make_ready(lanes_[order_[i]]);
    }
  }
  go_on(false);
  acquire(token);
  switch (kind) {
    case Barrier::plain:
    case Barrier::count:
      return barrier_count_;
    case Barrier::all:
      return barrier_count_ == static_cast<int>(threads_);
    case Barrier::any:
      return barrier_count_ != 0;
  }
  return 0;
}

// ---- the warp ----

void BlockRunner::collective(const char* name, unsigned mask, Complete complete, void* operand,
                             const Site& site, bool is_fence) {
  Lane& lane = *current_;
  const unsigned bit = 1U << (lane.number % warp_size);
  const unsigned warp_number = lane.number / warp_size;
  Warp& warp = warps_[warp_number];
  wait(name, site);
  if ((mask & bit) == 0) {
    fail_block(fmt::format("{}: its mask {:#010x} does not name the calling thread {}", place_of(lane), mask,
                           text(lane.index)));
  }
  if ((mask & warp.exited) != 0) {
    const unsigned missing =
        warp_number * warp_size + static_cast<unsigned>(__builtin_ctz(mask & warp.exited));
    fail_block(missing < threads_
                   ? fmt::format("{}: its mask {:#010x} names thread {}, which has returned", place_of(lane),
                                 mask, text(lanes_[missing].index))
                   : fmt::format("{}: its mask {:#010x} names lane {}, but the block ends before it",
                                 place_of(lane), mask, missing % warp_size));
  }
  Gathering* gathering = nullptr;
  for (int i = 0; i < warp.gatherings; ++i) {
    Gathering& other = warp.gathering[i];
    if ((other.mask & mask) == 0) {
      continue;
    }
    if (other.mask != mask || other.complete != complete || !same(other.site, site)) {
      const auto waiting = static_cast<unsigned>(__builtin_ctz(other.arrived));
      fail_block(
          fmt::format("lanes of a warp diverge: thread {} waits in {} with mask {:#010x}, thread {} in {} "
                      "with mask {:#010x}",
                      text(lanes_[warp_number * warp_size + waiting].index),
                      fmt::format("{} at {}", other.name, text(other.site)), other.mask, text(lane.index),
                      place_of(lane), mask));
    }
    gathering = &other;
  }
  if (gathering == nullptr) {
    gathering = &warp.gathering[warp.gatherings++];
    gathering->mask = mask;
    gathering->arrived = 0;
    gathering->name = name;
    gathering->site = site;
    gathering->complete = complete;
    gathering->token = is_fence ? tokens_.next() : nullptr;
    gathering->operands.mask = mask;
    for (void*& entry : gathering->operands.lane) {
      entry = nullptr;
    }
  }
  gathering->arrived |= bit;
  gathering->operands.lane[lane.number % warp_size] = operand;
  void* const token = gathering->token;
  release(token);
  if (gathering->arrived == mask) {
    if (observed() && (mask | warp.exited) == 0xffffffffU) {
      observer::warps_met(warp_number, 1);
    }
    if (complete != nullptr) {
      complete(gathering->operands);
    }
    if (observer::lanes_met != nullptr) {
      observer::lanes_met(name, site, warp_number, complete, gathering->operands);
    }
    *gathering = warp.gathering[--warp.gatherings];
    for (unsigned i = 0; i < warp_size; ++i) {
      const unsigned number = warp_order_[warp_number * warp_size + i];
      if (warp_number * warp_size + i < threads_ && (mask >> (number % warp_size) & 1U) != 0) {
        make_ready(lanes_[number]);
      }
    }
  }
  go_on(false);
  acquire(token);
}

void BlockRunner::fence() {
  acquire(fence_token_);
  release(fence_token_);
}

}  // namespace sec::simt
