// Tests of the engine's cuda device. Tests that need a GPU are skipped, with a message, if there is none.
#include <gtest/gtest.h>

#include <vector>

#include "engine/device.h"
#include "engine/error.h"
#include "engine/memory.h"
#include "engine/pinned.h"
#include "engine/range_recorder.h"
#include "engine/stream.h"
#include "engine/tensor.h"
#include "tests/simt/subjects.h"

namespace sec {
namespace {

class CudaDevice : public testing::Test {
 protected:
  void SetUp() override {
    const std::string reason = why_unavailable(Device::cuda);
    if (!reason.empty()) {
      GTEST_SKIP() << "NOT TESTED, as the cuda device is not available: " << reason;
    }
    stream_ = std::make_unique<OwnedStream>(Device::cuda);
  }
  Stream& stream() { return stream_->get(); }

  std::unique_ptr<OwnedStream> stream_;
};

std::vector<float> ramp(std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(static_cast<int>(i % 1000) - 500);
  }
  return values;
}

TEST(CudaProbe, SaysInOneLineWhyThereIsNoDevice) {
  const std::string reason = why_unavailable(Device::cuda);
  if (reason.empty()) {
    EXPECT_EQ(parse_device("auto"), Device::cuda);
    GTEST_SKIP() << "a GPU is present: there is no refusal to test";
  }
  EXPECT_EQ(reason.find('\n'), std::string::npos);
  EXPECT_EQ(parse_device("auto"), Device::cpu);
  try {
    parse_device("cuda");
    FAIL() << "a device that is not there was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.what(), "device cuda: " + reason);
  }
  EXPECT_THROW(Tensor::empty(Shape{4}, DType::f32, Device::cuda), Error);
  EXPECT_THROW(OwnedStream stream(Device::cuda), Error);
}

TEST_F(CudaDevice, CopiesLargerThanTheStagingBuffersRoundTrip) {
  const std::int64_t count = 9'000'001;
  const std::vector<float> values = ramp(count);
  const Tensor x = Tensor::from(stream(), Shape{count}, values);
  EXPECT_EQ(x.to_vector(stream()), values);
  EXPECT_EQ(Tensor::zeros(stream(), Shape{5}).to_vector(stream()), std::vector<float>(5, 0.0F));
}

TEST_F(CudaDevice, UploadsFromPinnedMemoryAreDirect) {
  const std::int64_t count = 3'000'001;
  const std::vector<float> values = ramp(count);
  const PinnedVector<float> pinned(values.begin(), values.end());
  const UploadCounts before = upload_counts();
  const Tensor x = Tensor::from(stream(), Shape{count}, std::span<const float>(pinned));
  EXPECT_EQ(upload_counts().direct, before.direct + 1);
  EXPECT_EQ(upload_counts().staged, before.staged);
  EXPECT_EQ(x.to_vector(stream()), values);
}

// Each block is freed while its upload is still queued, and is then filled with other values.
TEST_F(CudaDevice, APinnedBlockIsNotReusedBeforeItsUploadIsDone) {
  const std::int64_t count = 16'000'000;
  std::vector<Tensor> uploaded;
  for (int i = 0; i < 6; ++i) {
    const PinnedVector<float> values(static_cast<std::size_t>(count), static_cast<float>(i));
    uploaded.push_back(Tensor::from(stream(), Shape{count}, std::span<const float>(values)));
  }
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(uploaded[static_cast<std::size_t>(i)].to_vector(stream()),
              std::vector<float>(static_cast<std::size_t>(count), static_cast<float>(i)));
  }
}

// A range contains the work that it enqueues, although nothing waits within it. A capture has no ranges.
TEST_F(CudaDevice, RangesAreTimedByEvents) {
  const std::int64_t count = 64'000'000;
  const Tensor from = Tensor::zeros(stream(), {count});
  Tensor to = Tensor::zeros(stream(), {count});
  synchronize(stream());
  RangeRecorder recorder(stream(), RangeRecorder::Nodes::operations, true);
  {
    const Range outer("outer");
    const Range inner("copies");
    for (int i = 0; i < 20; ++i) {
      to.copy_from(stream(), from);
    }
  }
  Graph graph;
  {
    const Range captured("capture");
    graph = capture(stream(), [&] {
      const Range within("within");
      to.copy_from(stream(), from);
    });
    graph.replay(stream());
  }
  recorder.stop();
  std::vector<std::string> names;
  for (const RangeNode& node : recorder.tree()) {
    names.emplace_back(node.name.operation);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"outer", "copies", "capture", "graph"}));
  const std::vector<RecordedRange>& ranges = recorder.ranges();
  EXPECT_LE(ranges[0].begin, ranges[1].begin);
  EXPECT_GE(ranges[0].end, ranges[1].end);
  // The copies move 10 GB. No memory moves 20 TB a second; enqueueing 20 copies takes less.
  EXPECT_GT(ranges[1].end - ranges[1].begin, 20 * 64e6 * 8 / 20e12);
}

TEST_F(CudaDevice, RunsKernels) {
  const std::vector<float> values = ramp(10'007);
  const Tensor x = Tensor::from(stream(), Shape{10'007}, values);
  Tensor y = Tensor::empty(Shape{10'007}, DType::f32, Device::cuda);
  kernels::cuda::relu(stream(), x.read(), y.write());
  const std::vector<float> result = y.to_vector(stream());
  for (std::size_t i = 0; i < values.size(); ++i) {
    ASSERT_EQ(result[i], values[i] > 0 ? values[i] : 0) << i;
  }
}

TEST_F(CudaDevice, AnImpossibleLaunchNamesKernelAndSizes) {
  try {
    kernels::cuda::row_sums(stream(), 0, 1, nullptr, nullptr);
    FAIL() << "a grid without blocks was accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("kernel row_sum_kernel, grid (0, 1, 1), block (128, 1, 1)"),
              std::string::npos)
        << error.what();
  }
}

TEST_F(CudaDevice, ASecondRequestIsServedFromTheArena) {
  { const Tensor first = Tensor::empty(Shape{1000}, DType::f32, Device::cuda); }
  const auto misses = memory_statistics(Device::cuda).misses;
  { const Tensor second = Tensor::empty(Shape{1000}, DType::f32, Device::cuda); }
  EXPECT_EQ(memory_statistics(Device::cuda).misses, misses);
}

TEST_F(CudaDevice, ACapturedStepReplays) {
  Tensor x = Tensor::from(stream(), Shape{4}, std::vector<float>{-1, 2, -3, 4});
  Tensor y = Tensor::zeros(stream(), Shape{4});
  const auto step = [&] {
    Tensor between = Tensor::empty(Shape{4}, DType::f32, Device::cuda);
    kernels::cuda::relu(stream(), x.read(), between.write());
    copy_bytes(stream(), y.write().data, Device::cuda, between.read().data, Device::cuda, 16);
  };
  step();
  Graph graph = capture(stream(), step);
  const std::vector<float> other = {5, -6, 7, -8};
  copy_bytes(stream(), x.write().data, Device::cuda, other.data(), Device::cpu, 16);
  const Tensor stranger = Tensor::zeros(stream(), Shape{4});  // must not reuse the memory of `between`
  graph.replay(stream());
  EXPECT_EQ(y.to_vector(stream()), (std::vector<float>{5, 0, 7, 0}));
  EXPECT_EQ(stranger.to_vector(stream()), std::vector<float>(4, 0.0F));
}

TEST_F(CudaDevice, WhatCannotBeCapturedIsNamed) {
  const Tensor x = Tensor::zeros(stream(), Shape{4});
  const auto error_of = [&](const std::function<void()>& step) -> std::string {
    try {
      capture(stream(), step);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(error_of([&] { x.to_vector(stream()); }).find("copy_bytes: 16 bytes from cuda to the host"),
            std::string::npos);
  EXPECT_NE(error_of([&] { synchronize(stream()); }).find("waits for its own stream"), std::string::npos);
  EXPECT_NE(error_of([&] {
              Tensor::empty(Shape{123'457}, DType::f32, Device::cuda);
            }).find("run the step once before"),
            std::string::npos);
  EXPECT_EQ(x.to_vector(stream()), std::vector<float>(4, 0.0F));  // the stream still works after the error
}

TEST_F(CudaDevice, EventsTellTimeAndOrderStreams) {
  OwnedStream other(Device::cuda);
  Event begin(Device::cuda);
  Event end(Device::cuda);
  Tensor x = Tensor::empty(Shape{1 << 20}, DType::f32, Device::cuda);
  begin.record(stream());
  zero_bytes(stream(), x.write().data, 4 << 20);
  end.record(stream());
  end.order_before(other);
  EXPECT_EQ(x.to_vector(other).back(), 0.0F);
  EXPECT_GT(Event::seconds_between(begin, end), 0);
}

}  // namespace
}  // namespace sec
