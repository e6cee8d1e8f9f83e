// Tests the floors and ceilings of the bench's rows, and the division of a step's time into ranges.
#include "bench/kernels/floors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "bench/steps/range_tree.h"
#include "engine/parallel.h"

namespace sec {
namespace {

TEST(Floors, CountTheProductsThatAreNotWithPadding) {
  for (const std::int64_t l : {1, 2, 3, 7, 20}) {
    for (const std::int64_t k : {1, 3, 4, 7}) {
      for (const std::int64_t stride : {1, 2, 3}) {
        for (const std::int64_t pad : {0, 1, 3}) {
          if (l + 2 * pad < k) {
            continue;
          }
          const kernels::ConvShape s{
              .n = 2, .l = l, .h = 3, .c_in = 4, .c_out = 5, .k = k, .stride = stride, .pad = pad};
          double expected = 0;
          for (std::int64_t t = 0; t < s.l_out(); ++t) {
            for (std::int64_t j = 0; j < k; ++j) {
              const std::int64_t at = t * stride + j - pad;
              expected += at >= 0 && at < l ? 2 * 3 * 4 * 5 : 0;
            }
          }
          EXPECT_EQ(products(s), expected) << l << " " << k << " " << stride << " " << pad;
        }
      }
    }
  }
}

TEST(Floors, CountEachOperandOnce) {
  const kernels::ConvShape s{.n = 2, .l = 10, .h = 3, .c_in = 4, .c_out = 8, .k = 1, .stride = 2};  // Lo = 5
  const double x = 4.0 * 2 * 5 * 3 * 4;  // no tap uses the odd time steps
  const double y = 4.0 * 2 * 5 * 3 * 8;
  const double w = 4.0 * 4 * 8;
  EXPECT_EQ(conv_floor(kernels::ConvPass::forward, s, 4).bytes, x + w + y);
  EXPECT_EQ(conv_floor(kernels::ConvPass::dgrad, s, 4).bytes,
            2 * x + w + y);  // gx is written at all time steps
  EXPECT_EQ(conv_floor(kernels::ConvPass::wgrad, s, 4).bytes, x + 2 * w + y);
  EXPECT_EQ(conv_floor(kernels::ConvPass::forward, s, 2).bytes, (x + y) / 2 + w);
  EXPECT_EQ(conv_floor(kernels::ConvPass::dgrad, s, 4).operations, 2.0 * 2 * 5 * 3 * 4 * 8);
}

TEST(Floors, AreBoundByTheSlowerOfArithmeticAndMemory) {
  const Ceiling ceiling{100, 10};
  const Floor much{1000, 50};
  EXPECT_TRUE(much.bound_by_arithmetic(ceiling));
  EXPECT_EQ(much.seconds(ceiling), 10);
  const Floor little{100, 50};
  EXPECT_FALSE(little.bound_by_arithmetic(ceiling));
  EXPECT_EQ(little.seconds(ceiling), 5);
}

TEST(Ceilings, AreMeasuredOnceForThreadsAndFootprint) {
  const Ceiling first = cpu_ceiling(1, 100e3);
  EXPECT_GT(first.operations, 1e8);
  EXPECT_GT(first.bytes, 1e8);
  const Ceiling same = cpu_ceiling(1, 120e3);  // 100e3 and 120e3 round up to the same power of two
  EXPECT_EQ(same.operations, first.operations);
  EXPECT_EQ(same.bytes, first.bytes);
  EXPECT_EQ(threads(), 1);
  set_threads(0);
}

void spend(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

TEST(RangeTree, GivesEachRangeItsOwnTime) {
  const Range before("begun before");
  Stream stream;
  RangeRecorder recorder(stream, RangeRecorder::Nodes::operations);
  for (int i = 0; i < 2; ++i) {
    const Range step("step");
    spend(1);
    {
      const Range layer("linear");
      const Range kernel("linear.forward");
      spend(1);
      const Range inner("conv.forward");
      spend(2);
    }
    const Range relu("relu");
    spend(1);
    std::thread([] { const Range elsewhere("elsewhere"); }).join();
  }
  {
    const Range layer("conv");
    const Range kernel("conv.forward");
    spend(1);
  }
  recorder.stop();
  const std::vector<RangeNode> tree = recorder.tree();
  const std::vector<std::string> paths = paths_of(tree);
  for (std::size_t i = 0; i < tree.size(); ++i) {
    const std::string& path = paths[i];
    double nested = 0;  // seconds of direct children
    for (std::size_t j = 0; j < tree.size(); ++j) {
      const bool inside =
          paths[j].starts_with(path + "/") && paths[j].find('/', path.size() + 1) == std::string::npos;
      nested += inside ? tree[j].seconds : 0;
    }
    EXPECT_NEAR(tree[i].own, tree[i].seconds - nested, 1e-9) << path;
    EXPECT_GE(tree[i].own, -1e-9) << path;  // a difference of sums, which round
    EXPECT_EQ(tree[i].calls, path.starts_with("step") ? 2 : 1) << path;
  }
  EXPECT_EQ(paths, (std::vector<std::string>{"step", "step/linear", "step/linear/linear.forward",
                                             "step/linear/linear.forward/conv.forward", "step/relu", "conv",
                                             "conv/conv.forward"}));
  EXPECT_GE(tree[3].seconds, 0.004);  // a sleep lasts at least as long as asked for
  EXPECT_GE(tree[2].own, 0.002);

  const std::vector<NamedTime> kernels = sum_by_kernel(tree);
  ASSERT_EQ(kernels.size(), 3U);
  const auto linear = std::ranges::find(kernels, "linear.forward", &NamedTime::name);
  ASSERT_NE(linear, kernels.end());
  EXPECT_EQ(linear->seconds, tree[2].seconds);  // including the convolution that linear.forward calls
  EXPECT_EQ(linear->calls, 2);
  double sum = 0;
  std::vector<std::string> layers;
  for (const NamedTime& layer : sum_by_layer(tree)) {
    sum += layer.seconds;
    layers.push_back(layer.name);
  }
  std::ranges::sort(layers);
  EXPECT_EQ(layers, (std::vector<std::string>{"conv", "linear", "relu"}));
  EXPECT_NEAR(sum, tree[2].seconds + tree[4].seconds + tree[6].seconds, 1e-9);
}

}  // namespace
}  // namespace sec
