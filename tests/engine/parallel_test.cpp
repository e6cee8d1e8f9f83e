#include "engine/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "engine/error.h"

namespace sec {
namespace {

class Parallel : public testing::TestWithParam<int> {
 protected:
  void SetUp() override { set_threads(GetParam()); }
  void TearDown() override { set_threads(0); }
};

TEST_P(Parallel, EveryIndexRunsOnce) {
  EXPECT_EQ(threads(), GetParam());
  for (const int count : {0, 1, 2, 3, 100, 10'000}) {
    std::vector<std::atomic<int>> runs(count);
    parallel_for(count, [&](std::int64_t i) { ++runs[i]; });
    for (const auto& times : runs) {
      ASSERT_EQ(times, 1);
    }
  }
}

TEST_P(Parallel, NestedCallsRunInPlace) {
  std::atomic<int> sum = 0;
  parallel_for(8, [&](std::int64_t) { parallel_for(8, [&](std::int64_t) { ++sum; }); });
  EXPECT_EQ(sum, 64);
}

TEST_P(Parallel, AnExceptionReachesTheCallerAndThePoolSurvives) {
  EXPECT_THROW(parallel_for(100, [](std::int64_t i) { require(i != 57, "index {}", i); }), Error);
  std::atomic<int> sum = 0;
  parallel_for(100, [&](std::int64_t) { ++sum; });
  EXPECT_EQ(sum, 100);
}

TEST_P(Parallel, SeveralThreadsMayCall) {
  std::atomic<int> sum = 0;
  std::vector<std::thread> callers;
  callers.reserve(4);
  for (int t = 0; t < 4; ++t) {
    callers.emplace_back([&] {
      for (int repeat = 0; repeat < 50; ++repeat) {
        parallel_for(10, [&](std::int64_t) { ++sum; });
      }
    });
  }
  for (std::thread& caller : callers) {
    caller.join();
  }
  EXPECT_EQ(sum, 4 * 50 * 10);
}

INSTANTIATE_TEST_SUITE_P(Threads, Parallel, testing::Values(1, 2, 3, 8));

}  // namespace
}  // namespace sec
