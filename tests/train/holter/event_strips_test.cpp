#include "train/holter/event_strips.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace sec::train {
namespace {

// Extremes of a fast signal survive, at their place within two drawn samples; missing samples stay missing.
TEST(ThinnedLead, KeepsPeaks) {
  ThinnedLead lead(1000);
  EXPECT_EQ(lead.rate(), 250);
  std::vector<float> signal(8000, 0.0F);
  signal[3001] = 5;
  signal[3002] = -4;
  std::fill(signal.begin() + 4000, signal.begin() + 5000, std::nanf(""));
  for (std::size_t at = 0; at < signal.size(); at += 37) {
    lead.push(std::span(signal).subspan(at, std::min<std::size_t>(37, signal.size() - at)));
  }
  const std::vector<float>& thinned = lead.samples();
  ASSERT_EQ(thinned.size(), 2000U);
  const auto high = std::ranges::max_element(thinned, {}, [](float x) { return std::isnan(x) ? -9 : x; });
  EXPECT_EQ(*high, 5);
  EXPECT_NEAR(static_cast<double>(high - thinned.begin()), 3001.0 / 4, 2);
  EXPECT_EQ(*(high + 1), -4);
  EXPECT_TRUE(std::isnan(thinned[1125]));
  EXPECT_EQ(std::ranges::count_if(thinned, [](float x) { return std::isnan(x); }), 250);
  ThinnedLead slow(360);
  slow.push(signal);
  EXPECT_EQ(slow.samples().size(), signal.size());
}

EventStrips filled(double seconds, const std::vector<std::pair<double, double>>& events) {
  EventStrips strips(100, {"I", "II"}, {2});
  double next = 0;
  for (double second = 0; second < seconds; ++second) {
    std::vector<float> one, two;
    for (int i = 0; i < 100; ++i) {
      one.push_back(static_cast<float>(second * 100 + i));
      two.push_back(-one.back());
    }
    const std::vector<std::span<const float>> block = {one, two};
    strips.push(block);
    for (; next < second; next += 0.8) {  // beats come late
      strips.add_beat(next, "N");
      for (const auto& [time, score] : events) {
        if (std::abs(time - next) < 1e-9 && strips.wants(0, score, time)) {
          strips.offer(0, {score, time, "event", strips.cut(time - 3, time, 7)});
        }
      }
    }
  }
  strips.finish();
  return strips;
}

TEST(EventStrips, KeepTheLargestEventsWithTheirSignal) {
  // 80.8 s is within a minute of the larger one at 80 s; 400 s takes the place of 160 s.
  const EventStrips strips = filled(600, {{80, 5}, {80.8, 4}, {160, 2}, {400, 3}, {480, 1}});
  const std::vector<KeptEvent>& kept = strips.kept(0);
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_EQ(kept[0].time, 80);
  EXPECT_EQ(kept[1].time, 400);
  const EcgStrip& strip = *kept[1].strip;
  EXPECT_NEAR(strip.start, 397, 1e-9);
  ASSERT_EQ(strip.leads.size(), 2U);
  ASSERT_EQ(strip.leads[0].size(), 700U);
  EXPECT_EQ(strip.leads[0][0], 39700);
  EXPECT_EQ(strip.leads[1][699], -40399);
  EXPECT_EQ(strip.beats.size(), 8U);  // 397.6 to 403.2 s, every 0.8 s
  EXPECT_EQ(strip.marked, 400);
}

TEST(EventStrips, ALargerNeighbourReplacesASmallerOne) {
  const EventStrips strips = filled(300, {{80, 1}, {80.8, 2}, {81.6, 3}});
  ASSERT_EQ(strips.kept(0).size(), 1U);
  EXPECT_EQ(strips.kept(0)[0].score, 3);
}

// Events at the very begin and end have shorter strips.
TEST(EventStrips, EndsOfTheRecording) {
  const EventStrips strips = filled(100, {{0, 1}, {98.4, 2}});
  ASSERT_EQ(strips.kept(0).size(), 2U);
  EXPECT_EQ(strips.kept(0)[1].strip->start, 0);
  EXPECT_EQ(strips.kept(0)[0].strip->leads[0].size(), 460U);  // 95.4 to 100 s
}

}  // namespace
}  // namespace sec::train
