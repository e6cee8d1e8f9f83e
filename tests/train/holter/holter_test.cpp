#include "train/holter/holter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "tests/train/report/well_formed.h"
#include "train/holter/clock.h"
#include "train/holter/page.h"

namespace sec::train {
namespace {

constexpr double rate = 100;  // Hz

struct Recorded {
  Recorded()
      : holter({.classes = {"N", "S", "V"},
                .rate = rate,
                .lead_names = {"MLII", "V1"},
                .on_interval = [this](const RrInterval& one) { intervals.push_back(one); }}) {}
  Recorded(const Recorded&) = delete;
  Recorded& operator=(const Recorded&) = delete;

  std::vector<RrInterval> intervals;
  std::vector<ClassifiedBeat> beats;
  Holter holter;
};

// Feeds a recording of `seconds` in blocks of 10 s, with beats that are classified 5 s late. The signal is missing from
// 5000 s to 5400 s.
void record(Recorded& recorded, double seconds, const std::vector<ClassifiedBeat>& beats) {
  std::size_t next = 0;
  for (double begin = 0; begin < seconds; begin += 10) {
    std::vector<float> one, two;
    for (int i = 0; i < 1000; ++i) {
      const double t = begin + i / rate;
      const bool gone = t >= 5000 && t < 5400;
      one.push_back(gone ? std::nanf("") : static_cast<float>(std::sin(7 * t)));
      two.push_back(gone ? std::nanf("") : static_cast<float>(std::cos(5 * t)));
    }
    const std::vector<std::span<const float>> block = {one, two};
    recorded.holter.push(block);
    for (; next < beats.size() && static_cast<double>(beats[next].sample) / rate < begin + 5; ++next) {
      recorded.holter.add(beats[next]);
    }
  }
  for (; next < beats.size(); ++next) {
    recorded.holter.add(beats[next]);
  }
  recorded.holter.finish();
  recorded.beats = beats;
}

ClassifiedBeat beat_at(double time, int label, double probability = 0.9) {
  return {std::llround(time * rate), label, {}, probability};
}

// Three hours: mostly N, random S and V, pauses, no beats while the signal is gone, some beats of no class.
std::vector<ClassifiedBeat> random_beats() {
  std::mt19937 random(9);
  std::vector<ClassifiedBeat> beats;
  for (double time = 0.5; time < 10700; time += 0.6 + static_cast<double>(random() % 60) / 100) {
    if (time >= 5000 && time < 5400) {
      continue;
    }
    const auto draw = random() % 100;
    const int label = draw < 80 ? 0 : draw < 86 ? 1 : draw < 98 ? 2 : -1;
    beats.push_back(beat_at(time, label, label < 0 ? 0 : 0.5 + static_cast<double>(random() % 50) / 100));
    if (random() % 200 == 0) {
      time += 1.5 + static_cast<double>(random() % 3);
    }
  }
  return beats;
}

TEST(Holter, CountsByHourAreThoseOfTheWholeList) {
  Recorded recorded;
  record(recorded, 10800, random_beats());
  const Holter& holter = recorded.holter;
  const std::vector<ClassifiedBeat>& beats = recorded.beats;
  ASSERT_EQ(recorded.intervals.size(), beats.size() - 1);
  ASSERT_EQ(holter.hours().size(), 3U);
  std::int64_t all_pauses = 0;
  for (std::size_t h = 0; h < 3; ++h) {
    std::vector<std::int64_t> counts(3);
    std::int64_t of_no_class = 0, uncertain = 0, pauses = 0, count = 0;
    double seconds = 0, longest = 0, slowest = 1e9, fastest = 0;
    for (std::size_t i = 0; i < beats.size(); ++i) {
      const auto time = [&](std::size_t k) { return static_cast<double>(beats[k].sample) / rate; };
      if (static_cast<std::size_t>(time(i) / 3600) != h) {
        continue;
      }
      of_no_class += beats[i].label < 0;
      uncertain += beats[i].label >= 0 && beats[i].probability < 0.7;
      if (beats[i].label >= 0) {
        ++counts[static_cast<std::size_t>(beats[i].label)];
      }
      const auto over_gap = [&](std::size_t k) { return time(k - 1) < 5000 && time(k) >= 5400; };
      if (i == 0 || over_gap(i)) {
        continue;
      }
      ++count;
      seconds += time(i) - time(i - 1);
      longest = std::max(longest, time(i) - time(i - 1));
      pauses += beats[i].sample - beats[i - 1].sample >= 200;
      bool whole = i >= 8;
      for (std::size_t k = i; whole && k > i - 8; --k) {
        whole = !over_gap(k);
      }
      if (whole) {
        const double per_minute = 60 * 8 / (time(i) - time(i - 8));
        slowest = std::min(slowest, per_minute);
        fastest = std::max(fastest, per_minute);
      }
    }
    const HolterHour& hour = holter.hours()[h];
    EXPECT_EQ(holter.summary().hours()[h], counts);
    EXPECT_EQ(hour.not_classifiable, of_no_class);
    EXPECT_EQ(hour.uncertain, uncertain);
    EXPECT_EQ(hour.pauses, pauses);
    EXPECT_EQ(hour.intervals, count);
    EXPECT_NEAR(hour.mean_rate(), 60 * static_cast<double>(count) / seconds, 1e-6);
    EXPECT_NEAR(hour.longest, longest, 1e-9);
    EXPECT_NEAR(hour.slowest, slowest, 1e-9);
    EXPECT_NEAR(hour.fastest, fastest, 1e-9);
    all_pauses += pauses;
  }
  EXPECT_GT(all_pauses, 20);
  EXPECT_EQ(holter.total().pauses, all_pauses);
  EXPECT_NEAR(holter.lost_seconds(1), 400, 0.02);  // a run of one value begins with its last sample
  EXPECT_EQ(holter.lost_seconds(0), 0);
  for (std::size_t i = 1; i < holter.pauses().size(); ++i) {
    EXPECT_GE(holter.pauses()[i - 1].length, holter.pauses()[i].length);
  }
  EXPECT_DOUBLE_EQ(holter.pauses().front().length, holter.total().longest);
  EXPECT_EQ(holter.strips(Holter::Strips::pauses).front().score, holter.pauses().front().length);
  EXPECT_EQ(std::ranges::count(recorded.intervals, true, &RrInterval::nn), holter.nn().count());
  EXPECT_EQ(std::ranges::count(recorded.intervals, true, &RrInterval::has_gap), 1);
}

// The strip of a run shows its begin, of each kind of beat the most and the least certain ones are kept.
TEST(Holter, StripsShowTheirEvents) {
  std::vector<ClassifiedBeat> beats;
  for (int i = 0; i < 1500; ++i) {
    int label = 0;
    double probability = 0.95;
    if ((i >= 300 && i < 303) || (i >= 600 && i < 610)) {
      label = 2;
      probability = i == 605 ? 0.999 : 0.8;
    } else if (i == 900) {
      label = 1;
      probability = 0.51;
    } else if (i == 1200) {
      label = -1;
      probability = 0;
    }
    beats.push_back(beat_at(1 + i * 0.8, label, probability));
  }
  Recorded recorded;
  record(recorded, 1210, beats);
  const Holter& holter = recorded.holter;
  ASSERT_EQ(holter.runs(2).size(), 2U);
  EXPECT_EQ(holter.runs(2)[0].score, 10);
  EXPECT_DOUBLE_EQ(holter.runs(2)[0].time, 1 + 600 * 0.8);
  const EcgStrip& strip = *holter.runs(2)[0].strip;
  EXPECT_EQ(strip.leads.size(), 2U);
  EXPECT_NEAR(strip.leads[0][0], std::sin(7 * strip.start), 1e-6);
  EXPECT_LT(strip.start, 481);
  EXPECT_EQ(std::ranges::count(strip.beats, "V", &std::pair<double, std::string>::second), 7);  // in 5.5 s
  EXPECT_TRUE(holter.runs(0).empty());
  EXPECT_NEAR(holter.certain(2).front().score, 0.999, 1e-12);
  EXPECT_NEAR(holter.certain(2).front().time, 1 + 605 * 0.8, 1e-9);
  EXPECT_EQ(holter.certain(1).size(), 1U);
  EXPECT_EQ(holter.certain(0).size(), 0U);
  EXPECT_EQ(holter.doubtful(0).size(), 4U);
  ASSERT_EQ(holter.strips(Holter::Strips::no_class).size(), 1U);
  EXPECT_DOUBLE_EQ(holter.strips(Holter::Strips::no_class)[0].time, 961);
  EXPECT_TRUE(holter.pauses().empty());
}

TEST(Holter, ThePageSaysWhatWasCountedAndNamesNoOne) {
  Recorded recorded;
  record(recorded, 10800, random_beats());
  HolterAbout about{.name = "",
                    .start_date = "",
                    .start_time = "23:10:00",
                    .model = "a <model>",
                    .program = "secinfer",
                    .warnings = {"lead V1 is noise"}};
  const std::string page = holter_page(recorded.holter, about);
  EXPECT_EQ(ill_formed(page), "");
  const auto has = [&](const std::string& text) { return page.find(text) != std::string::npos; };
  for (const char* text :
       {"from 23:10:00 to 2:10:00 +1 d", ">0:10 +1 d</th>", "a &lt;model&gt;", "lead V1 is noise",
        "ventricular (V)", "The longest runs of V", "Heart rate by hour", "6 min 40 s"}) {
    EXPECT_TRUE(has(text)) << text;
  }
  EXPECT_TRUE(has(std::to_string(recorded.holter.total().pauses) + " pauses of 2 s or more"));
  for (const char* never : {"<script", "http", "src=", "nan", "inf<"}) {
    EXPECT_FALSE(has(never)) << never;
  }
  about.name = "Doe<J>";
  about.start_date = "01/02/2020";
  const std::string named = holter_page(recorded.holter, about);
  EXPECT_NE(named.find("Recording Doe&lt;J&gt;"), std::string::npos);
  EXPECT_NE(named.find("begun on 01/02/2020"), std::string::npos);
}

TEST(Holter, WithoutBeatsThereIsAPage) {
  Recorded recorded;
  record(recorded, 30, {});
  const std::string page = holter_page(recorded.holter, {});
  EXPECT_EQ(ill_formed(page), "");
  EXPECT_NE(page.find("time of day not known"), std::string::npos);
  EXPECT_EQ(page.find("nan"), std::string::npos);
}

TEST(Clock, TimesOfDay) {
  const Clock clock("22:59:58.5");
  EXPECT_TRUE(clock.is_known());
  EXPECT_EQ(clock.text(0), "22:59:58");
  EXPECT_EQ(clock.text(1.5), "23:00:00");
  EXPECT_EQ(clock.text(3601.5), "0:00:00 +1 d");
  EXPECT_EQ(clock.minutes(3601.5 + 86400), "0:00 +2 d");
  for (const char* unknown : {"", "25:00:00", "12:61:00", "12", "12:00:00 Uhr", "-1:00:00"}) {
    EXPECT_FALSE(Clock(unknown).is_known()) << unknown;
  }
  EXPECT_EQ(Clock("").text(90061), "25:01:01");
}

}  // namespace
}  // namespace sec::train
