#include "engine/simt/runtime.h"

#include <charconv>
#include <cstdlib>
#include <mutex>
#include <string_view>
#include <vector>

#include "engine/error.h"
#include "engine/parallel.h"
#include "engine/philox.h"
#include "engine/simt/block.h"
#include "engine/simt/observer.h"
#include "engine/simt/sanitizers.h"
#include "engine/simt/steps.h"

namespace sec::simt {
namespace {

struct Schedule {
  Order order = Order::forward;
  std::uint64_t seed = 0;
};

Schedule schedule_of_environment() {
  const char* const variable = std::getenv("SEC_SIMT_ORDER");
  const std::string_view text = variable == nullptr ? "forward" : variable;
  constexpr std::string_view seeded = "shuffled:";
  if (text == "forward") {
    return {Order::forward, 0};
  }
  if (text == "reverse") {
    return {Order::reverse, 0};
  }
  if (text == "shuffled") {
    return {Order::shuffled, 0};
  }
  if (text.starts_with(seeded)) {
    std::uint64_t seed = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, status] = std::from_chars(text.data() + seeded.size(), end, seed);
    if (status == std::errc() && stop == end) {
      return {Order::shuffled, seed};
    }
  }
  fail("SEC_SIMT_ORDER='{}': expected forward, reverse, shuffled or shuffled:SEED", text);
}

Schedule& schedule() {
  static Schedule instance = schedule_of_environment();
  return instance;
}

// A random permutation of the grid's blocks: the order in which they start.
std::vector<std::uint32_t> shuffled_blocks(std::size_t count, std::uint64_t seed) {
  std::vector<std::uint32_t> blocks(count);
  for (std::size_t i = 0; i < count; ++i) {
    blocks[i] = static_cast<std::uint32_t>(i);
  }
  for (std::size_t i = count; i-- > 1;) {
    std::swap(blocks[i], blocks[random_word({seed, 0, 1}, i) % (i + 1)]);
  }
  return blocks;
}

}  // namespace

void set_order(Order order, std::uint64_t seed) {
  schedule() = {order, seed};
}

Order order() {
  return schedule().order;
}

void run_grid(const KernelName& name, const LaunchSize& size, void (*body)(const void* closure),
              const void* closure) {
  check_launch(name.kernel, size);
  const Launch launch{name.kernel, size, body, closure, schedule().order, schedule().seed};
  const std::size_t blocks = size.blocks();
  std::vector<std::uint32_t> shuffled;
  if (launch.order == Order::shuffled) {
    shuffled = shuffled_blocks(blocks, launch.seed);
  }
  auto run_block = [&](std::int64_t i) {
    auto block = static_cast<std::size_t>(i);
    if (launch.order == Order::reverse) {
      block = blocks - 1 - block;
    } else if (launch.order == Order::shuffled) {
      block = shuffled[block];
    }
    runner().run(launch, block);
  };
  if (observed()) {
    const ObservedLaunch observed_launch(name);
    for (std::size_t i = 0; i < blocks; ++i) {
      run_block(static_cast<std::int64_t>(i));
    }
    return;
  }
  if (!thread_sanitizer()) {
    parallel_for(static_cast<std::int64_t>(blocks), run_block);
    return;
  }
  runner().begin_launch();
  for (std::size_t i = 0; i < blocks; ++i) {
    run_block(static_cast<std::int64_t>(i));
  }
  runner().end_launch();
}

void* shared_array(const void* key, const char* name, std::size_t bytes, std::uint32_t fill) {
  return runner().shared_array(key, name, bytes, fill);
}

void* dynamic_shared(std::uint32_t fill) {
  return runner().dynamic_shared(fill);
}

int block_barrier(Barrier kind, int predicate, const Site& site) {
  return runner().barrier(kind, predicate, site);
}

unsigned lane_id() {
  return runner().current().number % warp_size;
}

void warp_collective(const char* name, unsigned mask, Complete complete, void* operand, const Site& site) {
  runner().collective(name, mask, complete, operand, site, false);
}

void warp_barrier(unsigned mask, const Site& site) {
  runner().collective("__syncwarp", mask, nullptr, nullptr, site, true);
}

void async_copy(const AsyncCopy& copy) {
  const Unwatched unwatched;
  Lane& lane = runner().current();
  lane.copies.push_back({copy, lane.groups});
  if (observed()) {
    observer::async_copy(__builtin_return_address(0), copy);
  }
}

void async_commit() {
  ++runner().current().groups;
}

bool next_async_copy(int pending, AsyncCopy& copy) {
  Lane& lane = runner().current();
  if (lane.next_copy == lane.copies.size()) {
    lane.copies.clear();
    lane.next_copy = 0;
    return false;
  }
  const Lane::PendingCopy& next = lane.copies[lane.next_copy];
  if (pending != all_async_copies && next.group >= lane.groups - pending) {
    return false;
  }
  copy = next.copy;
  ++lane.next_copy;
  if (observer::copy_arrived != nullptr) {
    observer::copy_arrived(copy);
  }
  return true;
}

void fail_overwritten(const AsyncCopy& copy) {
  runner().fail_overwritten(copy);
}

void thread_fence() {
  runner().fence();
}

}  // namespace sec::simt
