#include "train/data/leakage.h"

#include <gtest/gtest.h>

#include "tests/train/tiny_run.h"
#include "train/data/beat_splits.h"
#include "train/loop/objective.h"

namespace sec::train {
namespace {

using Kind = Leak::Kind;

// A record with a beat at each of `centres`. Windows span 1 s before to 1 s after an R peak at 10 Hz.
Recipe small_recipe() {
  return tiny_recipe({"data.rate=20", "data.before=1", "data.after=1", "input.channels=['lead1']",
                      "input.covariates=[]", "data.leads=['MLII']"});
}

BeatRecord record(const std::string& name, const std::vector<std::int64_t>& centres, unsigned seed) {
  BeatRecord record;
  record.name = name;
  record.source_rate = record.rate = 20;
  record.lead_names = {"MLII"};
  record.signals.emplace_back(1000);
  for (float& value : record.signals[0]) {
    seed = seed * 1664525U + 1013904223U;
    value = static_cast<float>(seed >> 8U) / 16777216.0F;
  }
  for (const std::int64_t centre : centres) {
    record.beats.push_back({centre, centre, 0, 0, true});
  }
  describe_beats(record, small_recipe());
  return record;
}

BeatDataset inputs(std::vector<BeatRecord> records) {
  return {small_recipe(), std::move(records)};
}

std::vector<Kind> kinds(const BeatDataset& train, const BeatDataset& test,
                        const std::map<std::string, std::string>& patients = {}) {
  std::vector<Kind> list;
  for (const Leak& leak : find_leaks({{"train", &train}, {"test", &test}}, patients)) {
    list.push_back(leak.kind);
    EXPECT_EQ(leak.text.find('\n'), std::string::npos);
  }
  return list;
}

TEST(Leakage, FindsNothingBetweenStrangers) {
  EXPECT_TRUE(kinds(inputs({record("a", {50, 90}, 1)}), inputs({record("b", {50, 90}, 2)})).empty());
}

TEST(Leakage, FindsOneRecordingInTwoSplits) {
  EXPECT_EQ(kinds(inputs({record("a", {50, 90}, 1)}), inputs({record("a", {500}, 1)})),
            (std::vector<Kind>{Kind::recording}));
}

TEST(Leakage, FindsOverlappingWindows) {
  // A window has 40 samples: windows of beats 39 samples apart share one sample, of beats 40 apart none.
  EXPECT_EQ(kinds(inputs({record("a", {50, 90}, 1)}), inputs({record("a", {129}, 1)})),
            (std::vector<Kind>{Kind::recording, Kind::windows}));
  EXPECT_EQ(kinds(inputs({record("a", {50, 90}, 1)}), inputs({record("a", {130}, 1)})),
            (std::vector<Kind>{Kind::recording}));
}

TEST(Leakage, FindsIdenticalSignalsUnderAnotherName) {
  EXPECT_EQ(kinds(inputs({record("a", {50}, 1)}), inputs({record("b", {500}, 1)})),
            (std::vector<Kind>{Kind::signals}));
  // The same beat at another place in a longer recording, as in an excerpt.
  BeatRecord whole = record("a", {300}, 1);
  BeatRecord excerpt = record("c", {100}, 3);
  std::copy_n(whole.signals[0].begin() + 250, 200, excerpt.signals[0].begin() + 50);
  EXPECT_EQ(kinds(inputs({whole}), inputs({excerpt})), (std::vector<Kind>{Kind::signals}));
  // Flat leads are equal in unrelated recordings, so they are ignored.
  BeatRecord flat_a = record("a", {50}, 1);
  BeatRecord flat_b = record("b", {50}, 2);
  flat_a.signals[0].assign(1000, 0.5F);
  flat_b.signals[0].assign(1000, 0.5F);
  EXPECT_TRUE(kinds(inputs({flat_a}), inputs({flat_b})).empty());
}

TEST(Leakage, FindsOnePatientWithTwoRecordings) {
  const BeatDataset train = inputs({record("a", {50}, 1)});
  const BeatDataset test = inputs({record("b", {50}, 2)});
  EXPECT_EQ(kinds(train, test, {{"a", "P1"}, {"b", "P1"}}), (std::vector<Kind>{Kind::patient}));
  EXPECT_TRUE(kinds(train, test, {{"a", "P1"}, {"b", "P2"}}).empty());
}

TEST(Leakage, BeatsOfAnotherSplitDoNotCount) {
  BeatRecord a = record("a", {50, 90}, 1);
  for (Beat& beat : a.beats) {
    beat.in_split = false;
  }
  EXPECT_TRUE(kinds(inputs({a}), inputs({record("a", {50}, 1)})).empty());
}

// Statistics of the training split must not depend on the other splits. The test split is changed here.
TEST(Leakage, StatisticsComeFromTheTrainingSplitAlone) {
  const auto load = [](const std::string& test) {
    return load_beat_splits(
        tiny_recipe({"data.test=" + test, "loss.class_weights=inverse", "decision.prior_power=1"}),
        tiny_database());
  };
  const Recipe recipe = tiny_recipe({"loss.class_weights=inverse", "decision.prior_power=1"});
  const BeatSplits one = load("['100']");
  const BeatSplits other = load("['202']");
  EXPECT_EQ(class_weights(recipe, one.train), class_weights(recipe, other.train));
  EXPECT_EQ(decision_offsets(recipe, one.train), decision_offsets(recipe, other.train));
  ASSERT_EQ(one.train.beats().size(), other.train.beats().size());
  const auto size = static_cast<std::size_t>(one.train.length() * one.train.leads());
  const auto k = static_cast<std::size_t>(one.train.covariates());
  std::vector<float> x(size), y(size), cx(k), cy(k);
  for (const ExampleId id : one.train.beats()) {
    one.train.make(id, x, cx);
    other.train.make(id, y, cy);
    ASSERT_EQ(x, y);
    ASSERT_EQ(cx, cy);
  }
}

}  // namespace
}  // namespace sec::train
