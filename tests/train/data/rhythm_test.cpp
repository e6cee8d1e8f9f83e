#include "train/data/rhythm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/philox.h"

namespace sec::train {
namespace {

// The quantile by its definition: sorts the past values anew for every value.
double plain_quantile(const std::vector<double>& x, std::size_t i, std::size_t past, double q) {
  std::vector<double> v(x.begin() + static_cast<std::ptrdiff_t>(i == 0 ? 0 : i - std::min(i, past)),
                        x.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(i, 1)));
  std::sort(v.begin(), v.end());
  const double place = q * static_cast<double>(v.size() - 1);
  const auto low = static_cast<std::size_t>(std::floor(place));
  const auto high = static_cast<std::size_t>(std::ceil(place));
  return v[low] + (place - std::floor(place)) * (v[high] - v[low]);
}

TEST(Rhythm, PastQuantileEqualsItsDefinition) {
  std::vector<double> x;
  for (std::uint64_t i = 0; i < 300; ++i) {
    x.push_back(std::floor(8 * uniform({1, 0, 0}, i)));  // integers from 0 to 7, so that there are many ties
  }
  for (const double q : {0.5, 0.75, 0.9}) {
    const std::vector<double> fast = past_quantile(x, 17, q);
    for (std::size_t i = 0; i < x.size(); ++i) {
      ASSERT_DOUBLE_EQ(fast[i], plain_quantile(x, i, 17, q)) << i;
    }
  }
}

// A beat's own interval and change are not part of its past. The first beat has the interval of the second.
TEST(Rhythm, ChangesEqualTheirDefinition) {
  std::vector<double> times = {0}, rr = {0}, changes = {0};
  for (std::uint64_t i = 0; i < 400; ++i) {
    const double interval = 0.15 + (i % 37 == 0 ? 4.0 : 1.2) * uniform({3, 0, 0}, i);
    times.push_back(times.back() + interval);
    rr.push_back(std::clamp(times[i + 1] - times[i], 0.2, 3.0));
    rr[0] = rr[1];
    changes.push_back(std::abs(rr[i + 1] - rr[i]));
  }
  const std::vector<BeatRhythm> rhythm = rhythm_of(times);
  ASSERT_EQ(rhythm.size(), rr.size());
  for (std::size_t i = 0; i < rr.size(); ++i) {
    ASSERT_DOUBLE_EQ(rhythm[i].rr, rr[i]) << i;
    ASSERT_DOUBLE_EQ(rhythm[i].change32, plain_quantile(changes, i, 32, 0.5) / plain_quantile(rr, i, 32, 0.5))
        << i;
    ASSERT_DOUBLE_EQ(rhythm[i].change128,
                     plain_quantile(changes, i, 128, 0.5) / plain_quantile(rr, i, 128, 0.5))
        << i;
    ASSERT_DOUBLE_EQ(rhythm[i].median8, plain_quantile(rr, i, 8, 0.5)) << i;
    ASSERT_DOUBLE_EQ(rhythm[i].usual, plain_quantile(rr, i, 256, 0.75)) << i;
  }
}

std::vector<double> steady_beats_with_one_early(std::size_t count, std::size_t early) {
  std::vector<double> times;
  for (std::size_t i = 0; i < count; ++i) {
    times.push_back(static_cast<double>(i) - (i == early ? 0.3 : 0));
  }
  return times;
}

TEST(Rhythm, IntervalsAroundAnEarlyBeat) {
  const std::vector<BeatRhythm> r = rhythm_of(steady_beats_with_one_early(40, 30));
  EXPECT_NEAR(r[30].rr, 0.7, 1e-12);
  EXPECT_NEAR(r[30].next, 1.3, 1e-12);
  EXPECT_NEAR(r[31].previous, 0.7, 1e-12);
  EXPECT_NEAR(r[32].second_previous, 0.7, 1e-12);
  EXPECT_NEAR(r[30].median8, 1, 1e-12);
  EXPECT_NEAR(r[30].usual, 1, 1e-12);
  EXPECT_NEAR(r[30].change32, 0, 1e-12);
}

// The covariates of all beats, concatenated.
std::vector<float> all_covariates(std::span<const double> times, const std::vector<std::string>& groups) {
  std::vector<float> result;
  for (const BeatRhythm& beat : rhythm_of(times)) {
    const std::vector<float> one = covariates_of(beat, groups);
    result.insert(result.end(), one.begin(), one.end());
  }
  return result;
}

std::vector<float> all_strips(std::span<const double> times, StripKind kind) {
  std::vector<float> result;
  for (const BeatRhythm& beat : rhythm_of(times)) {
    const std::vector<float> one = strip_of(beat, kind);
    result.insert(result.end(), one.begin(), one.end());
  }
  return result;
}

// A covariate may depend on earlier beats and on the time of the next beat, but not on later beats.
TEST(Rhythm, CovariatesDependOnThePastAndOneBeatAhead) {
  const std::vector<std::string> groups = {"ratios", "irregularity", "prematurity", "regular", "hinges"};
  const auto k = static_cast<std::size_t>(covariate_count(groups));
  EXPECT_EQ(k, 8U + 5 + 4 + 5 + 13);
  std::vector<double> times = steady_beats_with_one_early(60, 30);
  const std::vector<float> before = all_covariates(times, groups);
  const std::vector<float> strips = all_strips(times, StripKind::measures);
  ASSERT_EQ(before.size(), 60 * k);
  ASSERT_EQ(strips.size(), 60U * 12);
  for (std::size_t i = 42; i < times.size(); ++i) {
    times[i] += 0.5;  // beat 41 is the first to see it, as its next interval
  }
  const std::vector<float> after = all_covariates(times, groups);
  const std::vector<float> strips_after = all_strips(times, StripKind::measures);
  EXPECT_TRUE(
      std::equal(before.begin(), before.begin() + static_cast<std::ptrdiff_t>(41 * k), after.begin()));
  EXPECT_TRUE(std::equal(strips.begin(), strips.begin() + 41 * 12, strips_after.begin()));
  EXPECT_FALSE(
      std::equal(before.begin(), before.begin() + static_cast<std::ptrdiff_t>(42 * k), after.begin()));
}

TEST(Rhythm, EveryRecordGivesFiniteCovariates) {
  for (const std::size_t count : {1U, 2U, 3U, 500U}) {
    std::vector<double> times;
    double t = 0;
    for (std::size_t i = 0; i < count; ++i) {
      times.push_back(t);
      t += i % 50 == 49 ? 30 : 0.3 + static_cast<double>(uniform({2, 0, 0}, i));
    }
    for (const float v :
         all_covariates(times, {"ratios", "irregularity", "prematurity", "regular", "hinges"})) {
      ASSERT_TRUE(std::isfinite(v)) << count;
    }
    for (const StripKind kind : {StripKind::measures, StripKind::tachogram}) {
      for (const float v : all_strips(times, kind)) {
        ASSERT_TRUE(std::isfinite(v) && std::abs(v) <= 1) << count;
      }
    }
  }
}

TEST(Rhythm, UnknownGroupIsNamed) {
  EXPECT_THROW(covariate_count({"ratio"}), std::exception);
}

}  // namespace
}  // namespace sec::train
