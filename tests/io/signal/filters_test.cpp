#include "io/signal/filters.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "io/signal/resample.h"
#include "tests/io/files.h"

namespace sec::io {
namespace {

#include "tests/io/signal/golden_filters.inc"

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

// The formula of tools/parity/io_golden.py; exact in f32.
std::vector<float> test_signal(std::int64_t n) {
  std::vector<float> signal(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) {
    signal[i] = static_cast<float>((i * i * 7919 + i * 104729) % 2003 + i * 4) / 512.0F;
  }
  return signal;
}

void expect_near(std::span<const float> got, std::span<const float> expected, float tolerance) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(got[i], expected[i], tolerance) << "at " << i;
  }
}

TEST(RunningMedian, EqualsScipy) {
  const auto x = test_signal(100);
  expect_near(running_median(x, 7), golden_median_7, 0);
  expect_near(running_median(x, 31), golden_median_31, 0);
  expect_near(running_median(x, 151), golden_median_151, 0);
}

// Compared with sorting every window: ties, negative values, signal lengths around multiples of the width.
TEST(RunningMedian, EqualsSortingEveryWindow) {
  for (const std::int64_t width : {1, 3, 5, 73}) {
    for (const std::int64_t n : {1, 2, 3, 5, 72, 73, 74, 146, 147, 500}) {
      std::vector<float> x = test_signal(n);
      for (float& value : x) {
        value = std::round(value) - 2;  // few distinct values, some of them negative
      }
      const auto got = running_median(x, width);
      ASSERT_EQ(std::ssize(got), n);
      for (std::int64_t i = 0; i < n; ++i) {
        std::vector<float> window;
        for (std::int64_t k = i - width / 2; k <= i + width / 2; ++k) {
          window.push_back(x[std::clamp<std::int64_t>(k, 0, n - 1)]);
        }
        std::ranges::sort(window);
        ASSERT_EQ(got[i], window[width / 2]) << "width " << width << ", n " << n << ", at " << i;
      }
    }
  }
  EXPECT_TRUE(running_median({}, 5).empty());
}

TEST(RunningMedian, SaysWhatIsWrong) {
  expect_error([] { running_median(test_signal(9), 4); }, "running_median: width 4, expected an odd number");
  expect_error([] { running_median(test_signal(9), -1); },
               "running_median: width -1, expected an odd number");
  auto x = test_signal(9);
  x[3] = nan;
  expect_error([&] { running_median(x, 3); }, "running_median: sample 3 is not finite");
}

TEST(MedianBaseline, TakesAwayDcAndSlowWanderButNotSpikes) {
  constexpr double rate = 360;
  std::vector<float> x(3600);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = 5 + 0.5F * std::sin(static_cast<float>(i) * 2e-3F) + (i % 300 == 150 ? 1.0F : 0.0F);
  }
  subtract_median_baseline(x, rate);
  for (std::size_t i = 0; i < x.size(); ++i) {
    // Within a window of 600 ms the wander bends by at most (108 samples * 2e-3)^2 / 2 of its height.
    ASSERT_NEAR(x[i], i % 300 == 150 ? 1.0F : 0.0F, 0.02F) << i;
  }
  expect_error([&] { subtract_median_baseline(x, 0); }, "rate 0 Hz, expected 10 to 1e6");
}

TEST(HighPass, EqualsScipysFiltfilt) {
  auto x = test_signal(100);
  high_pass(x, 100, 0.5);
  expect_near(x, golden_high_pass, 1e-5F);  // computed in double, then rounded; values are up to 5
}

TEST(HighPass, TakesAwayDcExactlyAndSaysWhatIsWrong) {
  std::vector<float> x(50, 3.25F);
  high_pass(x, 360, 0.5);
  for (const float value : x) {
    ASSERT_NEAR(value, 0, 1e-6F);
  }
  expect_error([&] { high_pass(x, 360, 180); }, "cutoff 180 Hz at 360 Hz, expected 0 to 180");
  expect_error([&] { high_pass(x, 360, nan); }, "expected 0 to 180");
  expect_error([&] { high_pass(std::span(x).first(9), 360, 1); }, "9 samples, expected more than 9");
  x[7] = nan;
  expect_error([&] { high_pass(x, 360, 1); }, "high_pass: sample 7 is not finite");
}

// Values are up to 5 and outputs are sums of 61 products in f32, so 1e-5 leaves a margin of a factor of four.
TEST(Resample, EqualsScipysResamplePoly) {
  const auto x = test_signal(100);
  expect_near(resample(x, {1, 2}), golden_resample_1_2, 1e-5F);
  expect_near(resample(x, {25, 72}), golden_resample_25_72, 1e-5F);
  expect_near(resample(x, {16, 45}), golden_resample_16_45, 1e-5F);
  expect_near(resample(x, {3, 1}), golden_resample_3_1, 1e-5F);
  expect_near(resample(x, {2, 6}), golden_resample_1_3, 1e-5F);
  EXPECT_EQ(resample(x, {4, 4}), x);
  EXPECT_TRUE(resample({}, {1, 2}).empty());
}

TEST(Resample, KeepsASineInPlace) {
  constexpr double rate = 360;
  std::vector<float> x(3600);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = std::sin(static_cast<float>(2 * M_PI * 10 / rate) * static_cast<float>(i));
  }
  const auto y = resample(x, rate_ratio(rate, 125));
  ASSERT_EQ(y.size(), 1250U);
  for (std::size_t j = 50; j < y.size() - 50; ++j) {
    // A Kaiser window with beta = 5 leaves ripples of 2e-3.
    ASSERT_NEAR(y[j], std::sin(2 * M_PI * 10 / 125 * static_cast<double>(j)), 4e-3) << j;
  }
}

TEST(Resample, FindsRatios) {
  const auto expect_ratio = [](double from, double to, std::int64_t up, std::int64_t down) {
    const RateRatio ratio = rate_ratio(from, to);
    EXPECT_EQ(ratio.up, up) << from << " to " << to;
    EXPECT_EQ(ratio.down, down) << from << " to " << to;
  };
  expect_ratio(360, 180, 1, 2);
  expect_ratio(360, 125, 25, 72);
  expect_ratio(360, 128, 16, 45);
  expect_ratio(128, 360, 45, 16);
  expect_ratio(360, 360, 1, 1);
  expect_ratio(1.0 / 3, 1, 3, 1);
  expect_ratio(62.4725, 999.56, 16, 1);
  expect_error([] { rate_ratio(0, 100); }, "resampling from 0 Hz to 100 Hz: expected rates above 0");
  expect_error([] { rate_ratio(360, 1e300); }, "expected rates that differ by a factor of 1000 at most");
  expect_error([] { rate_ratio(360, 1e-300); }, "expected rates that differ by a factor of 1000 at most");
  EXPECT_EQ(resampled_position(72, rate_ratio(360, 125)), 25);
  EXPECT_EQ(resampled_position(3, rate_ratio(360, 180)), 2);  // 1.5 rounds up
}

// Every rate has a ratio, and positions stay right: after 48 hours within 0.2 ms.
TEST(Resample, AnyRateHasARatio) {
  for (const double from : {249.89, 256.02, 360.01, 499.9987, 512.03, 600.6108041988791, 128.205, 100 * M_PI,
                            360 * (1 + 3e-9), 120 * (1 - 1e-7), 50.00001, 9999.9}) {
    for (const double to : {120.0, 200.0, 360.0}) {
      const RateRatio ratio = rate_ratio(from, to);
      const double seconds = 48 * 3600.0;
      const std::int64_t sample = std::llround(seconds * from);
      const double exact = static_cast<double>(sample) / from;
      EXPECT_NEAR(static_cast<double>(resampled_position(sample, ratio)) / to, exact, 0.5 / to + 2e-4)
          << from << " to " << to;
    }
  }
}

// A sine stays in place at rates whose ratio has terms above 10,000, as precisely as at simple ones, to the end of a
// long signal. A ratio next to a simple one gives nearly what the simple one gives.
TEST(Resample, KeepsASineInPlaceAtAnyRate) {
  for (const auto& [from, to] : {std::pair{249.89, 120.0},
                                 {360.01, 200.0},
                                 {600.6108041988791, 120.0},
                                 {99.87, 200.0},
                                 {1000.01, 120.0}}) {
    const RateRatio ratio = rate_ratio(from, to);
    ASSERT_GT(std::max(ratio.up, ratio.down), 10'000) << from;
    std::vector<float> x(static_cast<std::size_t>(600 * from));
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = static_cast<float>(std::sin(2 * M_PI * 10 / from * static_cast<double>(i)));
    }
    const auto y = resample(x, ratio);
    ASSERT_NEAR(static_cast<double>(y.size()), 600 * to, 2);
    for (std::size_t j = 100; j < y.size() - 100; ++j) {
      // The ripples of the window, as in KeepsASineInPlace.
      ASSERT_NEAR(y[j], std::sin(2 * M_PI * 10 / to * static_cast<double>(j)), 4e-3) << from << " " << j;
    }
  }
  const auto x = test_signal(100);
  const auto simple = resample(x, {25, 72});
  const auto next = resample(x, {25'000'000, 72'000'001});
  ASSERT_EQ(next.size(), simple.size());
  for (std::size_t j = 0; j < simple.size(); ++j) {
    // Values are up to 5; weights interpolated between 1024 rows, and rows that sum to exactly 1.
    EXPECT_NEAR(next[j], simple[j], 2e-4F) << j;
  }
  const std::vector<float> constant(5000, 0.7F);
  for (const float value : resample(constant, rate_ratio(249.89, 120))) {
    ASSERT_NEAR(value, 0.7F, 1e-6F);
  }
}

// A stream gives the same bits as the whole at such a rate.
TEST(Resample, PiecesAtAnyRateGiveWhatTheWholeGives) {
  const auto x = test_signal(5000);
  const RateRatio ratio = rate_ratio(360.01, 120);
  const auto whole = resample(x, ratio);
  for (const std::size_t size : {1U, 7U, 1000U}) {
    Resampler resampler(ratio);
    std::vector<float> output;
    for (std::size_t begin = 0; begin < x.size(); begin += size) {
      resampler.push(std::span(x).subspan(begin, std::min(size, x.size() - begin)), output);
    }
    resampler.finish(output);
    EXPECT_EQ(output, whole) << size;
  }
}

}  // namespace
}  // namespace sec::io
