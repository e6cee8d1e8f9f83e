#include "engine/memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace sec {
namespace {

TEST(Memory, ASecondRequestOfTheSameSizeCostsNoSystemCall) {
  allocate(Device::cpu, 12345);
  const auto before = memory_statistics(Device::cpu);
  allocate(Device::cpu, 12345);
  allocate(Device::cpu, 12300);  // a request in the same size class
  const auto after = memory_statistics(Device::cpu);
  EXPECT_EQ(after.requests, before.requests + 2);
  EXPECT_EQ(after.misses, before.misses);
}

TEST(Memory, BlocksAreAlignedAndDoNotOverlap) {
  std::vector<std::shared_ptr<Storage>> blocks;
  for (const std::size_t bytes : {0, 1, 255, 256, 257, 1000, 1024, 1025, 100'000}) {
    blocks.push_back(allocate(Device::cpu, bytes));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(blocks.back()->data) % 64, 0U);
    std::memset(blocks.back()->data, static_cast<int>(blocks.size()), bytes);
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto* bytes = static_cast<const unsigned char*>(blocks[i]->data);
    for (std::size_t b = 0; b < blocks[i]->bytes; ++b) {
      ASSERT_EQ(bytes[b], i + 1);
    }
  }
}

TEST(Memory, StatisticsFollowUseAndPeak) {
  release_cached(Device::cpu);
  const auto start = memory_statistics(Device::cpu);
  EXPECT_EQ(start.reserved, start.in_use);
  reset_peak(Device::cpu);
  {
    const auto a = allocate(Device::cpu, 1 << 20);
    const auto b = allocate(Device::cpu, 1 << 20);
    EXPECT_EQ(memory_statistics(Device::cpu).in_use, start.in_use + (2 << 20));
  }
  EXPECT_EQ(memory_statistics(Device::cpu).in_use, start.in_use);
  EXPECT_EQ(memory_statistics(Device::cpu).peak, start.in_use + (2 << 20));
  EXPECT_EQ(memory_statistics(Device::cpu).reserved, start.reserved + (2 << 20));
  EXPECT_EQ(allocate(Device::cpu, 1 << 20)->bytes, 1U << 20U);  // a smaller use leaves the peak
  EXPECT_EQ(memory_statistics(Device::cpu).peak, start.in_use + (2 << 20));
  release_cached(Device::cpu);
  EXPECT_EQ(memory_statistics(Device::cpu).reserved, start.reserved);
}

}  // namespace
}  // namespace sec
