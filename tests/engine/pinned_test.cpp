// Host memory for uploads: its blocks, and which copies to a device are counted as direct.
// What needs a GPU is in tests/cuda/device_test.cpp.
#include "engine/pinned.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>
#include <thread>

#include "engine/stream.h"
#include "engine/tensor.h"

namespace sec {
namespace {

TEST(Pinned, BlocksInUseAreDistinctAndFreeOnesAreHandedOutAgain) {
  std::set<const float*> freed;
  {
    PinnedVector<float> a(3000, 1.0F);
    PinnedVector<float> b(3000, 2.0F);
    freed = {a.data(), b.data()};
    EXPECT_NE(a.data(), b.data());
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(a.data()) % 64, 0U);
    EXPECT_EQ(std::accumulate(a.begin(), a.end(), 0.0F), 3000);
    EXPECT_EQ(std::accumulate(b.begin(), b.end(), 0.0F), 6000);
  }
  const PinnedVector<float> c(2500, 3.0F);  // of the same size class
  EXPECT_TRUE(freed.contains(c.data()));
  PinnedVector<float> copy = c;
  EXPECT_NE(copy.data(), c.data());
  EXPECT_EQ(copy, c);
  copy[0] = 4;
  EXPECT_EQ(c[0], 3);
}

TEST(Pinned, ThreadsShareThePool) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 200; ++i) {
        const PinnedVector<std::int32_t> values(static_cast<std::size_t>(1 + 997 * i % 5000), t);
        for (const std::int32_t value : values) {
          ASSERT_EQ(value, t);  // another thread has not been given the block
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

TEST(Pinned, UploadsFromTheBlocksAreDirectAndOthersStaged) {
  OwnedStream stream(Device::simt);
  const std::vector<float> plain = {1, 2, 3};
  const PinnedVector<float> pinned = {4, 5, 6, 7};
  const UploadCounts before = upload_counts();
  Tensor a = Tensor::from(stream, {3}, std::span<const float>(plain));
  EXPECT_EQ(upload_counts().staged, before.staged + 1);
  EXPECT_EQ(upload_counts().direct, before.direct);
  a.assign(stream, std::span<const float>(pinned).subspan(1));  // also from the middle of a block
  EXPECT_EQ(upload_counts().staged, before.staged + 1);
  EXPECT_EQ(upload_counts().direct, before.direct + 1);
  EXPECT_EQ(a.to_vector(stream), (std::vector<float>{5, 6, 7}));
  Stream cpu;
  Tensor::from(cpu, {4}, std::span<const float>(pinned));  // not an upload
  EXPECT_EQ(upload_counts().staged, before.staged + 1);
  EXPECT_EQ(upload_counts().direct, before.direct + 1);
}

}  // namespace
}  // namespace sec
