#include "tools/kernel_lab/requests.h"

#include <algorithm>
#include <bit>
#include <list>
#include <map>
#include <set>
#include <unordered_map>

namespace sec::lab {
namespace {

constexpr std::uintptr_t sector_bytes = 32;
constexpr std::uintptr_t word_bytes = 4;
constexpr std::uintptr_t banks = 32;

Counts& part_of(Totals& totals, Kind kind) {
  switch (kind) {
    case Kind::global_store:
      return totals.stores;
    case Kind::shared_load:
      return totals.shared_loads;
    case Kind::shared_store:
    case Kind::copy:
      return totals.shared_stores;
    default:
      return totals.loads;
  }
}

void add(Counts& to, const Counts& more) {
  to.requests += more.requests;
  to.bytes += more.bytes;
  to.sectors += more.sectors;
  to.least_sectors += more.least_sectors;
  to.block_sectors += more.block_sectors;
  to.passes += more.passes;
  to.least_passes += more.least_passes;
}

// Counts the sectors that a request touches, and those that its bytes would fill if they were contiguous.
void count_global(const Request& request, std::unordered_set<std::uintptr_t>& of_block, Counts& counts) {
  std::map<std::uintptr_t, std::uint32_t> touched;  // sector -> one bit per byte
  for (const Access* access : request.lane) {
    for (unsigned byte = 0; access != nullptr && byte < access->bytes; ++byte) {
      const std::uintptr_t address = access->address + byte;
      touched[address / sector_bytes] |= 1U << address % sector_bytes;
    }
  }
  std::uint64_t distinct = 0;
  for (const auto& [sector, bytes] : touched) {
    distinct += static_cast<unsigned>(std::popcount(bytes));
    counts.block_sectors += of_block.insert(sector).second ? 1 : 0;
  }
  counts.sectors = touched.size();
  counts.least_sectors = (distinct + sector_bytes - 1) / sector_bytes;
}

// Counts passes through shared memory. A pass serves a word of each bank, to as many lanes as together ask for 128 bytes.
void count_shared(const Request& request, Counts& counts) {
  unsigned widest = word_bytes;
  for (const Access* access : request.lane) {
    widest = std::max(widest, access == nullptr ? 0 : access->bytes);
  }
  const unsigned together = 32 * word_bytes / widest;  // lanes
  for (unsigned first = 0; first < 32; first += together) {
    std::array<std::set<std::uintptr_t>, banks> words;
    for (unsigned lane = first; lane < first + together; ++lane) {
      const Access* const access = request.lane[lane];
      for (unsigned byte = 0; access != nullptr && byte < access->bytes; ++byte) {
        const std::uintptr_t word = (access->address + byte) / word_bytes;
        words[word % banks].insert(word);
      }
    }
    std::size_t busiest = 0;
    for (const auto& bank : words) {
      busiest = std::max(busiest, bank.size());
    }
    counts.passes += busiest;
    counts.least_passes += busiest > 0 ? 1 : 0;
  }
}

}  // namespace

std::vector<Request> requests_of(std::span<const Access> log) {
  std::list<Request> requests;
  struct Numbered {
    std::array<std::uint32_t, 32> count{};
    std::vector<std::list<Request>::iterator> requests;
  };
  std::unordered_map<std::uint64_t, Numbered> by_place;
  auto next = requests.begin();  // before which a new request of the lane is inserted
  unsigned lane = 32;
  for (const Access& access : log) {
    if (access.lane != lane) {
      lane = access.lane;
      next = requests.begin();
    }
    Numbered& numbered = by_place[std::uint64_t{access.place} << 8 | static_cast<unsigned>(access.kind)];
    const std::uint32_t n = numbered.count[access.lane]++;
    if (n == numbered.requests.size()) {
      numbered.requests.push_back(requests.insert(next, {access.kind, access.place, {}}));
    }
    const auto request = numbered.requests[n];
    request->lane[access.lane] = &access;
    next = std::next(request);
  }
  return {requests.begin(), requests.end()};
}

void count(const Request& request, SectorSets& sectors, Totals& launch, Totals* block, Event& event) {
  if (request.kind == Kind::copy_arrives) {
    return;  // the copy was counted when it was issued
  }
  Counts counts;
  counts.requests = 1;
  for (const Access* access : request.lane) {
    counts.bytes += access == nullptr ? 0 : access->bytes;
  }
  const bool is_store = request.kind == Kind::global_store;
  if (is_store || request.kind == Kind::global_load || request.kind == Kind::copy_source) {
    count_global(request, is_store ? sectors.stored : sectors.loaded, counts);
  } else {
    count_shared(request, counts);
  }
  add(part_of(launch, request.kind), counts);
  if (block != nullptr) {
    add(part_of(*block, request.kind), counts);
  }
  event.sectors = static_cast<unsigned>(counts.sectors);
  event.least_sectors = static_cast<unsigned>(counts.least_sectors);
  event.passes = static_cast<unsigned>(counts.passes);
  event.least_passes = static_cast<unsigned>(counts.least_passes);
}

}  // namespace sec::lab
