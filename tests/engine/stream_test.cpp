#include "engine/stream.h"

#include <gtest/gtest.h>

#include "engine/error.h"
#include "engine/memory.h"
#include "engine/tensor.h"

namespace sec {
namespace {

class HostStream : public testing::TestWithParam<Device> {};

TEST_P(HostStream, AReplayRunsTheRecordedStepAgain) {
  OwnedStream stream(GetParam());
  int runs = 0;
  Graph graph = capture(stream, [&] { ++runs; });
  EXPECT_EQ(runs, 0);  // capturing does not run the step
  graph.replay(stream);
  graph.replay(stream);
  EXPECT_EQ(runs, 2);
  Graph other = std::move(graph);
  other.replay(stream);
  EXPECT_EQ(runs, 3);
  EXPECT_THROW(graph.replay(stream), Error);  // NOLINT(bugprone-use-after-move): what is tested
  Stream elsewhere{GetParam() == Device::cpu ? Device::simt : Device::cpu};
  EXPECT_THROW(other.replay(elsewhere), Error);
}

// Replays on hosts reject the operations that cuda cannot capture, so that tests find them without a GPU.
// On cpu, copies to and from the host are not rejected, because cpu memory is host memory.
TEST_P(HostStream, AReplayRefusesWhatCannotBeRecorded) {
  OwnedStream stream(GetParam());
  Tensor x = Tensor::zeros(stream, {3});
  const auto replays = [&](const std::function<void()>& step) {
    Graph graph = capture(stream, step);
    try {
      graph.replay(stream);
      return std::string();
    } catch (const Error& error) {
      return std::string(error.what());
    }
  };
  EXPECT_EQ(replays([&] { synchronize(stream); }), "capture: the step waits for its own stream");
  release_cached(GetParam());
  { const Tensor warm_up = x.clone(stream); }
  EXPECT_EQ(replays([&] { x.clone(stream); }), "");
  const bool simt = GetParam() == Device::simt;
  EXPECT_EQ(replays([&] { x.to_vector(stream); }),
            simt ? "copy_bytes: 12 bytes from simt to cpu cannot be part of a captured graph" : "");
  EXPECT_EQ(replays([&] {
              x.assign(stream, std::vector<float>{1, 2, 3});
            }),
            simt ? "copy_bytes: 12 bytes from cpu to simt cannot be part of a captured graph" : "");
  synchronize(stream);  // outside a replay all operations are allowed
  x.assign(stream, std::vector<float>{1, 2, 3});
  EXPECT_EQ(x.to_vector(stream), (std::vector<float>{1, 2, 3}));
  EXPECT_THROW(x.assign(stream, std::vector<float>{1, 2}), Error);
  EXPECT_THROW(x.assign(stream, std::vector<std::int32_t>{1, 2, 3}), Error);
}

TEST_P(HostStream, EventsTellTime) {
  OwnedStream stream(GetParam());
  Event begin(GetParam());
  Event end(GetParam());
  begin.record(stream);
  synchronize(stream);
  end.record(stream);
  end.order_before(stream);
  EXPECT_GE(Event::seconds_between(begin, end), 0);
  EXPECT_LT(Event::seconds_between(end, begin), 1e-9);
}

TEST_P(HostStream, AnEventOfAnotherDeviceIsAnError) {
  OwnedStream stream(GetParam());
  Event event(GetParam() == Device::cpu ? Device::simt : Device::cpu);
  EXPECT_THROW(event.record(stream), Error);
}

INSTANTIATE_TEST_SUITE_P(Engine, HostStream, testing::Values(Device::cpu, Device::simt),
                         [](const auto& suite) { return std::string(name_of(suite.param)); });

// Tests the memory plan of captured steps without a GPU, on the arena of simt.
TEST(MemoryPlan, KeepsItsBlocksUntilItIsReleased) {
  constexpr std::size_t bytes = 123'456;
  release_cached(Device::simt);
  void* planned = nullptr;
  { planned = allocate(Device::simt, bytes)->data; }  // the warm-up step
  const int plan = detail::begin_memory_plan(Device::simt);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(allocate(Device::simt, bytes)->data, planned);  // the plan reuses its blocks
  }
  EXPECT_THROW(allocate(Device::simt, 100 * bytes), Error);  // a size that is not in the cache
  EXPECT_THROW(detail::begin_memory_plan(Device::simt), Error);
  detail::end_memory_plan(Device::simt);
  {
    const auto stranger = allocate(Device::simt, bytes);
    EXPECT_NE(stranger->data, planned);
  }
  detail::release_memory_plan(Device::simt, plan);
  const auto first = allocate(Device::simt, bytes);
  const auto second = allocate(Device::simt, bytes);
  EXPECT_TRUE(first->data == planned || second->data == planned);
}

// A step that takes memory which the step before its capture did not leave cannot be captured on cuda. simt replays it
// under the same plan, so that the fault shows without a GPU.
TEST(MemoryPlan, HoldsForReplaysOnSimt) {
  OwnedStream stream(Device::simt);
  release_cached(Device::simt);
  Tensor result;
  const auto step = [&] { result = Tensor::zeros(stream, {54'321}); };
  {
    Graph cold = capture(stream, step);
    try {
      cold.replay(stream);
      ADD_FAILURE() << "the arena held no such block";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("run the step once before it is captured"), std::string::npos);
    }
  }
  step();
  result = {};  // what the warm-up took is free again
  Graph graph = capture(stream, step);
  for (int replay = 0; replay < 3; ++replay) {
    graph.replay(stream);
    EXPECT_EQ(result.to_vector(stream).size(), 54'321U);
  }
}

// A block that is older than the plan and is given back within it belongs to the plan: captured kernels read it at every
// replay, so it must not go to a stranger.
TEST(MemoryPlan, KeepsOlderBlocksThatAreGivenBackWithinIt) {
  constexpr std::size_t bytes = 234'567;
  release_cached(Device::simt);
  auto older = allocate(Device::simt, bytes);
  const void* const address = older->data;
  const int plan = detail::begin_memory_plan(Device::simt);
  older.reset();
  detail::end_memory_plan(Device::simt);
  const auto stranger = allocate(Device::simt, bytes);
  EXPECT_NE(stranger->data, address);
  detail::release_memory_plan(Device::simt, plan);
}

}  // namespace
}  // namespace sec
