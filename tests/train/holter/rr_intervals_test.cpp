#include "train/holter/rr_intervals.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace sec::train {
namespace {

struct GivenBeat {
  std::int64_t sample;
  int label;
  bool has_gap;
};

std::vector<RrInterval> intervals_of(const std::vector<GivenBeat>& beats, double rate) {
  RrIntervals intervals({"S", "N", "V"}, rate);
  std::vector<RrInterval> all;
  for (const GivenBeat& beat : beats) {
    if (const auto interval = intervals.add(beat.sample, beat.label, beat.has_gap)) {
      all.push_back(*interval);
    }
  }
  if (const auto interval = intervals.finish()) {
    all.push_back(*interval);
  }
  EXPECT_FALSE(intervals.finish());
  return all;
}

// Random beats against the definition, read from the whole list at once.
TEST(RrIntervals, NnIntervalsHaveNormalBeatsOnBothSides) {
  std::mt19937 random(3);
  std::vector<GivenBeat> beats;
  std::int64_t sample = 17;
  for (int i = 0; i < 3000; ++i) {
    const int label = random() % 4 != 0 ? 1 : static_cast<int>(random() % 4) - 1;
    beats.push_back({sample, label, random() % 20 == 0});
    sample += 100 + static_cast<std::int64_t>(random() % 400);
  }
  const std::vector<RrInterval> found = intervals_of(beats, 360);
  ASSERT_EQ(found.size(), beats.size() - 1);
  const auto other = [&](std::size_t i) {
    return i < beats.size() && beats[i].label != 1;
  };  // of no class too
  std::size_t normal = 0;
  for (std::size_t i = 1; i < beats.size(); ++i) {
    const RrInterval& interval = found[i - 1];
    EXPECT_DOUBLE_EQ(interval.time, static_cast<double>(beats[i].sample) / 360);
    EXPECT_DOUBLE_EQ(interval.length, static_cast<double>(beats[i].sample - beats[i - 1].sample) / 360);
    EXPECT_EQ(interval.before, beats[i - 1].label);
    EXPECT_EQ(interval.after, beats[i].label);
    EXPECT_EQ(interval.has_gap, beats[i].has_gap);
    const bool nn =
        !beats[i].has_gap && !other(i - 1) && !other(i) && !other(i + 1) && (i < 2 || !other(i - 2));
    EXPECT_EQ(interval.nn, nn) << i;
    normal += nn ? 1 : 0;
  }
  EXPECT_GT(normal, 500U);
}

TEST(RrIntervals, FewBeats) {
  EXPECT_TRUE(intervals_of({}, 360).empty());
  EXPECT_TRUE(intervals_of({{5, 1, false}}, 360).empty());
  const auto two = intervals_of({{0, 1, false}, {360, 1, false}}, 360);
  ASSERT_EQ(two.size(), 1U);
  EXPECT_TRUE(two[0].nn);
  RrIntervals without({"V"}, 360);  // a network without class N
  without.add(0, 0, false);
  without.add(100, 0, false);
  EXPECT_FALSE(without.finish()->nn);
}

// Against the formulas, in two passes over all intervals. Every tenth interval is no NN interval.
TEST(NnStatistics, EqualTheFormulas) {
  std::mt19937 random(5);
  std::vector<RrInterval> all;
  NnStatistics statistics;
  EXPECT_TRUE(std::isnan(statistics.mean()) && std::isnan(statistics.sdnn()) &&
              std::isnan(statistics.rmssd()));
  for (int i = 0; i < 200000; ++i) {
    all.push_back({.length = 0.6 + static_cast<double>(random() % 1000) / 2000, .nn = i % 10 != 3});
    statistics.add(all.back());
    if (i == 0) {
      EXPECT_TRUE(std::isnan(statistics.rmssd()) && std::isnan(statistics.sdnn()));
    }
  }
  double n = 0, sum = 0, squares = 0, differences = 0, pairs = 0;
  for (const RrInterval& one : all) {
    n += one.nn ? 1 : 0;
    sum += one.nn ? one.length : 0;
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    squares += all[i].nn ? std::pow(all[i].length - sum / n, 2) : 0;
    if (i > 0 && all[i].nn && all[i - 1].nn) {
      differences += std::pow(all[i].length - all[i - 1].length, 2);
      ++pairs;
    }
  }
  // Sums of 200,000 doubles: relative rounding errors stay far below 1e-10.
  EXPECT_EQ(statistics.count(), 180000);
  EXPECT_NEAR(statistics.mean(), sum / n, 1e-10);
  EXPECT_NEAR(statistics.sdnn(), std::sqrt(squares / (n - 1)), 1e-10);
  EXPECT_NEAR(statistics.rmssd(), std::sqrt(differences / pairs), 1e-10);
}

TEST(RrIntervals, LinesOfTables) {
  const RrInterval interval{
      .time = 12.345678912, .length = 0.8333333, .before = 1, .after = -1, .has_gap = true};
  EXPECT_EQ(rr_line(interval, {"S", "N"}), "12.345679,833.333,N,Q,1,0\n");
  EXPECT_EQ(nn_line(interval), "12.345679,833.333\n");
}

}  // namespace
}  // namespace sec::train
