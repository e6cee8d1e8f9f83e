#include "train/streaming/beat_summary.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace sec::train {
namespace {

// A summary of beats (time, class); the classes N, S, V, F are 0 to 3.
BeatSummary summary_of(const std::vector<std::pair<double, int>>& beats) {
  BeatSummary summary({"N", "S", "V", "F"});
  for (const auto& [time, label] : beats) {
    summary.add(time, label);
  }
  summary.finish();
  return summary;
}

TEST(BeatSummary, CountsByHour) {
  const BeatSummary summary = summary_of({{0.5, 0}, {3599.9, 2}, {3600, 0}, {7300, 3}, {7301, 0}});
  const std::vector<std::vector<std::int64_t>> expected = {{1, 0, 1, 0}, {1, 0, 0, 0}, {1, 0, 0, 1}};
  EXPECT_EQ(summary.hours(), expected);
  EXPECT_EQ(summary.totals(), (std::vector<std::int64_t>{3, 0, 1, 1}));
}

TEST(BeatSummary, RunsAreThreeOrMoreEctopicBeatsInARow) {
  const BeatSummary summary = summary_of({{1, 0},  {2, 0},    {3, 0},  // normal beats: no run
                                          {4, 2},  {4.5, 2},           // a couplet: no run
                                          {5, 0},  {6, 2},    {6.4, 2}, {6.8, 2},  {7.2, 2},  // a run of V
                                          {8, 1},  {8.5, 1},  {9, 1},                         // a run of S
                                          {10, 2}, {10.5, 2}, {14, 2},  {14.5, 2},  // broken by a gap
                                          {20, 3}, {20.5, 3}, {21, 3},              // fusion beats: no run
                                          {30, 2}, {31, 2},   {32, 2}});            // ends with the record
  const std::vector<BeatRun>& runs = summary.runs();
  ASSERT_EQ(runs.size(), 3U);
  EXPECT_EQ(runs[0].name, "V");
  EXPECT_EQ(runs[0].beats, 4);
  EXPECT_DOUBLE_EQ(runs[0].begin, 6);
  EXPECT_DOUBLE_EQ(runs[0].end, 7.2);
  EXPECT_NEAR(runs[0].rate(), 150, 1e-9);
  EXPECT_EQ(runs[1].name, "S");
  EXPECT_EQ(runs[1].beats, 3);
  EXPECT_EQ(runs[2].begin, 30);
}

// A beat of no class is counted by itself, and ends a run.
TEST(BeatSummary, CountsBeatsThatCannotBeClassified) {
  const BeatSummary summary = summary_of({{1, 2}, {2, 2}, {3, -1}, {4, 2}, {5, 2}});
  EXPECT_EQ(summary.not_classifiable(), 1);
  EXPECT_EQ(summary.totals(), (std::vector<std::int64_t>{0, 0, 4, 0}));
  EXPECT_TRUE(summary.runs().empty());
  EXPECT_NE(text_of(summary, 9).find("\n1 beat could not be classified\n"), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(json_of(summary))["not_classifiable"], 1);
}

TEST(BeatSummary, AsTextAndAsJson) {
  const BeatSummary summary =
      summary_of({{6, 2}, {6.4, 2}, {6.8, 2}, {3700, 0}, {3725.25, 1}, {3726, 1}, {3727, 1}});
  const std::string text = text_of(summary, 1);
  EXPECT_NE(text.find("V run of 3 beats at 0:00:06.0, 150/min\nand 1 more run\n"), std::string::npos) << text;
  EXPECT_NE(text_of(summary, 9).find("S run of 3 beats at 1:02:05.3, 69/min\n"), std::string::npos);
  const auto json = nlohmann::json::parse(json_of(summary));
  EXPECT_EQ(json["beats"], nlohmann::json({{"N", 1}, {"S", 3}, {"V", 3}, {"F", 0}}));
  EXPECT_EQ(json["hours"].size(), 2U);
  EXPECT_EQ(json["hours"][0]["V"], 3);
  EXPECT_EQ(json["runs"][1]["class"], "S");
  EXPECT_EQ(json["runs"][1]["beats"], 3);
  EXPECT_EQ(clock_text(36000 * 4.8), "48:00:00.0");
}

}  // namespace
}  // namespace sec::train
