#include "train/holter/signal_gaps.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace sec::train {
namespace {

// Marks the samples without signal by the definition, looking at the whole recording.
std::vector<bool> without_signal(const std::vector<std::vector<float>>& leads, double rate) {
  const std::size_t n = leads[0].size();
  std::vector<bool> lost(n, false);
  const auto mark = [&](auto begins, double least) {
    for (std::size_t i = 0; i < n;) {
      std::size_t end = i + 1;
      while (end < n && !begins(end)) {
        ++end;
      }
      if (static_cast<double>(end - i) >= std::round(least * rate) &&
          (least > 0.5 || std::isnan(leads[0][i]))) {
        std::fill(lost.begin() + static_cast<std::ptrdiff_t>(i),
                  lost.begin() + static_cast<std::ptrdiff_t>(end), true);
      }
      i = end;
    }
  };
  const auto missing = [&](std::size_t i) {
    return std::ranges::all_of(leads, [&](const auto& lead) { return std::isnan(lead[i]); });
  };
  mark([&](std::size_t i) { return missing(i) != missing(i - 1); }, 0.1);
  std::vector<std::vector<float>> held = leads;
  for (auto& lead : held) {
    for (std::size_t i = 1; i < n; ++i) {
      lead[i] = std::isnan(lead[i]) ? lead[i - 1] : lead[i];
    }
  }
  mark(
      [&](std::size_t i) {
        return std::ranges::any_of(
            held, [&](const auto& lead) { return !std::isnan(lead[i]) && lead[i] != lead[i - 1]; });
      },
      1);
  return lost;
}

// Random signals with flat and missing stretches, in blocks of random lengths.
TEST(SignalGaps, AreFoundInBlocks) {
  constexpr double rate = 50;
  std::mt19937 random(11);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::vector<float>> leads(2);
    while (leads[0].size() < 3000) {
      const auto kind = random() % 4;
      const std::size_t length = 1 + random() % 120;
      for (std::size_t i = 0; i < length; ++i) {
        for (auto& lead : leads) {
          const auto noise = static_cast<float>(random() % 1000) / 500 - 1;
          lead.push_back(kind == 0   ? std::nanf("")
                         : kind == 1 ? (lead.empty() || std::isnan(lead.back()) ? 0.25F : lead.back())
                                     : noise);
        }
      }
    }
    const std::vector<bool> lost = without_signal(leads, rate);
    SignalGaps gaps(rate, 2);
    std::size_t at = 0;
    while (at < leads[0].size()) {
      const std::size_t count = std::min<std::size_t>(leads[0].size() - at, 1 + random() % 200);
      const std::vector<std::span<const float>> block = {std::span(leads[0]).subspan(at, count),
                                                         std::span(leads[1]).subspan(at, count)};
      gaps.push(block);
      at += count;
    }
    gaps.finish();
    for (std::size_t begin = 0; begin + 10 < lost.size(); begin += 7) {
      const bool expected = std::find(lost.begin() + static_cast<std::ptrdiff_t>(begin),
                                      lost.begin() + static_cast<std::ptrdiff_t>(begin + 10),
                                      true) != lost.begin() + static_cast<std::ptrdiff_t>(begin + 10);
      EXPECT_EQ(gaps.overlap(static_cast<std::int64_t>(begin), static_cast<std::int64_t>(begin + 10)),
                expected)
          << round << ": " << begin;
    }
    std::int64_t sum = 0;
    for (const std::int64_t one : gaps.lost_by_hour()) {
      sum += one;
    }
    EXPECT_EQ(sum, std::ranges::count(lost, true)) << round;
  }
}

// A gap across a full hour is divided, and forgetting gaps changes no count.
TEST(SignalGaps, AreCountedByHour) {
  constexpr double rate = 1;  // Hz: at least two samples without change
  std::vector<float> lead;
  for (int i = 0; i < 7300; ++i) {
    lead.push_back(i >= 3500 && i < 3700 ? std::nanf("") : static_cast<float>(i));
  }
  SignalGaps gaps(rate, 1);
  for (std::size_t at = 0; at < lead.size(); at += 100) {
    const std::vector<std::span<const float>> block = {std::span(lead).subspan(at, 100)};
    gaps.push(block);
    gaps.forget_before(static_cast<std::int64_t>(at));
  }
  gaps.finish();
  // The run without change begins with the last value before the missing samples.
  EXPECT_EQ(gaps.lost_by_hour(), (std::vector<std::int64_t>{101, 100}));
}

}  // namespace
}  // namespace sec::train
