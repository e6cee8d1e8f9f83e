// Forms requests of a warp from the accesses of its lanes, and counts what a GPU's memory does for them.
// The rules are those of bench/traffic/counters.h; the code is another, so that tests can compare the two.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <unordered_set>
#include <vector>

#include "tools/kernel_lab/trace.h"

namespace sec::lab {

// One access of a thread, or one copy by cp.async.
struct Access {
  Kind kind;
  unsigned lane;
  std::uint32_t place;
  std::uintptr_t address;  // copies: in shared memory
  unsigned bytes;
  std::uintptr_t from;                // copies: in global memory; 0 if nothing is read
  std::vector<std::int64_t> content;  // stores to shared memory: codes of the words
};

// The lanes' n-th accesses of one kind from one place since they last met.
struct Request {
  Kind kind;
  std::uint32_t place;
  std::array<const Access*, 32> lane{};  // null for lanes that take no part
};

// The requests of accesses in the order in which the warp's lanes made them, lane after lane.
// The requests are in an order that agrees with each lane's: lanes in step see them one after the other.
// The pointers lead into `log`.
std::vector<Request> requests_of(std::span<const Access> log);

// The sectors of 32 bytes that the running block has touched: loads, stores.
struct SectorSets {
  std::unordered_set<std::uintptr_t> loaded, stored;
};

// Adds a request to the totals, and notes its own sectors and passes in `event`.
void count(const Request& request, SectorSets& sectors, Totals& launch, Totals* block, Event& event);

}  // namespace sec::lab
