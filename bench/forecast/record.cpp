#include "bench/forecast/record.h"

#include <sys/mman.h>

#include <map>
#include <utility>

#include "engine/simt/observer.h"
#include "engine/simt/runtime.h"

namespace sec {
namespace {

std::vector<forecast::RecordedLaunch>& launches() {
  static std::vector<forecast::RecordedLaunch> list;
  return list;
}

// Size of each block by its address. Never destroyed, because tensors with static storage may outlive it.
std::map<std::uint64_t, std::uint64_t>& blocks() {
  static auto* const map = new std::map<std::uint64_t, std::uint64_t>;
  return *map;
}

}  // namespace

void simt::observer::record_launch(const KernelName& name, const LaunchSize& size, const void* parameters,
                                   std::size_t bytes) {
  check_launch(name.kernel, size);
  const std::string file(name.file);
  const auto* const from = static_cast<const unsigned char*>(parameters);
  launches().push_back({file.substr(file.rfind('/') + 1), name.kernel, size, {from, from + bytes}});
}

void* simt::observer::reserve_memory(std::size_t bytes) {
  void* const block =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (block == MAP_FAILED) {
    return nullptr;
  }
  blocks()[reinterpret_cast<std::uintptr_t>(block)] = bytes;
  return block;
}

void simt::observer::release_memory(void* block) {
  const auto entry = blocks().find(reinterpret_cast<std::uintptr_t>(block));
  munmap(block, entry->second);
  blocks().erase(entry);
}

std::vector<forecast::RecordedLaunch> forecast::take_launches() {
  return std::exchange(launches(), {});
}

forecast::Block forecast::block_of(std::uint64_t address) {
  auto next = blocks().upper_bound(address);
  if (next == blocks().begin()) {
    return {};
  }
  --next;
  const Block block{next->first, next->second};
  return block.holds(address) ? block : Block{};
}

}  // namespace sec
