#include "train/data/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "train/loop/schedule.h"

namespace sec::train {
namespace {

// Record 0 has 900 beats of class 0 and 90 of class 1; record 1 has 10 beats of class 1.
std::vector<SampledExample> beats() {
  std::vector<SampledExample> all(900, {0, 0});
  all.insert(all.end(), 90, {1, 0});
  all.insert(all.end(), 10, {1, 1});
  return all;
}

TEST(Sampler, ShuffleVisitsEveryBeatOnceInAnotherOrderEachEpoch) {
  const std::vector<std::int64_t> first = epoch_order({}, beats(), 1, 0);
  std::vector<std::int64_t> sorted = first;
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    ASSERT_EQ(sorted[i], static_cast<std::int64_t>(i));
  }
  EXPECT_EQ(sorted.size(), beats().size());
  EXPECT_EQ(first, epoch_order({}, beats(), 1, 0));
  EXPECT_NE(first, epoch_order({}, beats(), 1, 1));
  EXPECT_NE(first, epoch_order({}, beats(), 2, 0));
}

TEST(Sampler, CapLeavesTheMinorityWholeAndChangesItsChoice) {
  Recipe::Sampler options;
  options.majority_cap = 200;
  const auto order = epoch_order(options, beats(), 1, 0);
  EXPECT_EQ(static_cast<std::int64_t>(order.size()), epoch_size(options, beats()));
  EXPECT_EQ(order.size(), 300U);
  EXPECT_EQ(std::count_if(order.begin(), order.end(), [](auto i) { return i >= 900; }), 100);
  EXPECT_NE(order, epoch_order(options, beats(), 1, 1));
}

// Pools divide each class by their shares, whatever their sizes, and leave the classes' shares as they are.
TEST(Sampler, PoolsHaveTheirSharesOfEveryClass) {
  Recipe::Sampler options;
  options.kind = "weighted";
  options.epoch_samples = 40000;
  std::vector<SampledExample> pooled(900, {0, 0, 0, 0.7});
  pooled.insert(pooled.end(), 90, {1, 0, 0, 0.7});
  pooled.insert(pooled.end(), 10, {1, 1, 1, 0.3});  // the second pool has no beat of class 0
  const auto order = epoch_order(options, pooled, 3, 0);
  std::array<double, 2> counts{};  // class 0, and class 1 of the second pool
  for (const std::int64_t i : order) {
    counts[0] += i < 900 ? 1 : 0;
    counts[1] += i >= 990 ? 1 : 0;
  }
  // sqrt(900) : sqrt(100) = 3 : 1. The tolerance is five standard deviations of a share of 40,000 draws.
  EXPECT_NEAR(counts[0] / 40000, 0.75, 0.0125);
  EXPECT_NEAR(counts[1] / 40000, 0.25 * 0.3, 0.0125);
  EXPECT_EQ(drawn_shares(options, pooled, 2), drawn_shares(options, beats(), 2));
  // One pool draws as no pools do.
  std::vector<SampledExample> one = beats();
  for (SampledExample& beat : one) {
    beat.pool = 1;
    beat.share = 0.4;
  }
  EXPECT_EQ(epoch_order(options, one, 3, 0), epoch_order(options, beats(), 3, 0));
}

TEST(Sampler, WeightedDrawsFollowThePowers) {
  Recipe::Sampler options;
  options.kind = "weighted";
  options.epoch_samples = 40000;
  options.class_power = 0.5;   // sqrt(900) : sqrt(100) = 3 : 1
  options.record_power = 0.5;  // sqrt(90) : sqrt(10) = 3 : 1
  const auto order = epoch_order(options, beats(), 3, 0);
  ASSERT_EQ(order.size(), 40000U);
  const auto share = [&](std::int64_t from, std::int64_t to) {
    return static_cast<double>(
               std::count_if(order.begin(), order.end(), [&](auto i) { return i >= from && i < to; })) /
           static_cast<double>(order.size());
  };
  // The tolerance is five standard deviations of a share of 40,000 draws, which is at most 0.0125.
  EXPECT_NEAR(share(0, 900), 0.75, 0.0125);
  EXPECT_NEAR(share(900, 990), 0.25 * 0.75, 0.0125);
  EXPECT_NEAR(share(990, 1000), 0.25 * 0.25, 0.0125);
  const std::vector<double> expected = drawn_shares(options, beats(), 2);
  EXPECT_DOUBLE_EQ(expected[0], 0.75);
  EXPECT_DOUBLE_EQ(expected[1], 0.25);
}

TEST(Sampler, NoBeatsIsAnError) {
  EXPECT_THROW(epoch_order({}, {}, 1, 0), std::exception);
}

TEST(Schedule, WarmUpConstantStepAndCosine) {
  Recipe::Train t;
  t.rate = 1;
  t.epochs = 10;
  t.warmup_epochs = 1;
  t.schedule = "constant";
  EXPECT_DOUBLE_EQ(learning_rate(t, 10, 0), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate(t, 10, 4), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(t, 10, 9), 1);
  EXPECT_DOUBLE_EQ(learning_rate(t, 10, 99), 1);
  t.schedule = "step";
  t.step_epochs = {3, 5.5};
  EXPECT_DOUBLE_EQ(learning_rate(t, 10, 29), 1);
  EXPECT_DOUBLE_EQ(learning_rate(t, 10, 30), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate(t, 10, 54), 0.1);
  EXPECT_NEAR(learning_rate(t, 10, 55), 0.01, 1e-15);
  t.schedule = "cosine";
  t.final_rate = 0.2;
  EXPECT_DOUBLE_EQ(learning_rate(t, 10, 10), 1);
  EXPECT_NEAR(learning_rate(t, 10, 55), 0.6, 1e-12);  // the middle of the cosine
  EXPECT_GT(learning_rate(t, 10, 99), 0.2);
  EXPECT_LT(learning_rate(t, 10, 99), 0.201);
}

}  // namespace
}  // namespace sec::train
