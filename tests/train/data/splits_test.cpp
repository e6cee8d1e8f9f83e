#include "train/data/splits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include <set>

#include "tests/train/tiny_run.h"
#include "train/data/beat_splits.h"

namespace sec::train {
namespace {

using Names = std::vector<std::string>;

TEST(Split, ReadsATextFile) {
  const io::TemporaryFolder folder;
  const Splits splits = read_split_file(folder.write(
      "split.csv",
      "record,split,patient,from,to\r\n# mine\n100,train,P1\n101\ttest\n\n102 validation - 0 600.5\n"));
  EXPECT_EQ(splits.train, Names{"100"});
  EXPECT_EQ(splits.validation, Names{"102"});
  EXPECT_EQ(splits.test, Names{"101"});
  EXPECT_EQ(splits.patient_of("100"), "P1");
  EXPECT_EQ(splits.patient_of("202"), "201");
  EXPECT_EQ(splits.patient_of("x"), "x");
  EXPECT_EQ(splits.parts[1].at("102").to, 600.5);
}

TEST(Split, ReadsJson) {
  const io::TemporaryFolder folder;
  const Splits splits = read_split_file(
      folder.write("s.json", R"({"train": ["a", "b"], "test": ["c"], "patients": {"c": "P", "a": "P"}})"));
  EXPECT_EQ(splits.train, (Names{"a", "b"}));
  EXPECT_EQ(splits.test, Names{"c"});
  EXPECT_EQ(splits.patient_of("a"), "P");
}

TEST(Split, NamesWhatIsWrong) {
  const io::TemporaryFolder folder;
  const auto error = [&](const std::string& name, const std::string& text) {
    const auto path = folder.write(name, text);
    return io::error_of([&] { read_split_file(path); });
  };
  const std::pair<const char*, const char*> texts[] = {
      {"100,train\n101,tset\n", "s.csv:2: split 'tset'"},
      {"100,train\n100,train\n", "s.csv:2: record 100 is listed"},
      {"100,train,P,1\n", "s.csv:1: "},
      {"100,train,P,a,9\n", "'a', expected a time"},
      {"100,train,P,9,9\n", "is empty"},
      {"100,test\n", "no record is listed for train"},
      {"100\n", "s.csv:1: '100'"}};
  for (const auto& [text, says] : texts) {
    EXPECT_NE(error("s.csv", text).find(says), std::string::npos) << text;
  }
  for (const char* text : {"[]", "{", R"({"train": "a"})", R"({"train": [1]})", R"({"tset": ["a"]})"}) {
    EXPECT_NE(error("s.json", text).find("s.json: "), std::string::npos) << text;
  }
}

TEST(Split, APartOfARecordIsInASplit) {
  const io::TemporaryFolder folder;
  const auto path =
      folder.write("s.csv", "101,train,-,0,30\n106,train\n208,train\n101,test,-,35,60\n205,validation\n");
  const BeatSplits data = load_beat_splits(
      tiny_recipe({"data.protocol=file", "data.split_file=" + path.string(), "data.allow_leakage=true"}),
      tiny_database());
  std::size_t all = 0;
  for (const ExampleId id : data.test.beats(true)) {
    EXPECT_GE(data.test.beat(id).sample, 35 * 360);
    ++all;
  }
  EXPECT_GT(all, 0U);
  for (const ExampleId id : data.train.beats(true)) {
    EXPECT_TRUE(data.train.record(id).name != "101" || data.train.beat(id).sample < 30 * 360);
  }
  EXPECT_EQ(data.leaks.size(), 1U);  // the shared recording; windows are 5 s apart and do not overlap
}

TEST(Split, BeatsAreDividedOnce) {
  const Recipe recipe =
      tiny_recipe({"data.protocol=beats", "data.allow_leakage=true", "data.test_share=0.25"});
  const BeatSplits data = load_beat_splits(recipe, tiny_database());
  std::map<std::pair<std::string, std::int64_t>, int> splits;
  std::array<std::size_t, 3> counts{};
  const BeatDataset* all[] = {&data.train, &data.validation, &data.test};
  for (std::size_t split = 0; split < 3; ++split) {
    for (const ExampleId id : all[split]->beats(true)) {
      ++splits[{all[split]->record(id).name, all[split]->beat(id).sample}];
      ++counts[split];
    }
  }
  std::size_t beats = 0;
  for (const BeatRecord& record : data.train.records()) {
    beats += record.beats.size();
  }
  EXPECT_EQ(splits.size(), beats);
  for (const auto& [beat, times] : splits) {
    EXPECT_EQ(times, 1);
  }
  // The tolerance is five standard deviations of a binomial share of about 600 beats.
  const double n = static_cast<double>(beats);
  EXPECT_NEAR(static_cast<double>(counts[2]) / n, 0.25, 5 * std::sqrt(0.25 * 0.75 / n));
  EXPECT_NEAR(static_cast<double>(counts[1]) / n, 0.1, 5 * std::sqrt(0.1 * 0.9 / n));
}

TEST(Split, FoldsKeepPatientsTogetherAndClassesEven) {
  std::vector<PatientBeats> patients;
  for (int i = 0; i < 40; ++i) {
    const std::string name = "p" + std::to_string(i);
    patients.push_back(
        {name, {name + "a", name + "b"}, {1000 + i, i % 4 == 0 ? 40 : 0, 7 * i, i % 8 == 0 ? 9 : 0, 0}});
  }
  const auto folds = folds_by_patient(patients, 5, 1);
  ASSERT_EQ(folds.size(), 5U);
  std::set<std::string> seen;
  for (const Names& fold : folds) {
    std::int64_t rare = 0;
    for (const std::string& record : fold) {
      EXPECT_TRUE(seen.insert(record).second) << record;
      const std::string patient = record.substr(0, record.size() - 1);
      EXPECT_NE(std::ranges::find(fold, patient + "a"), fold.end());
      EXPECT_NE(std::ranges::find(fold, patient + "b"), fold.end());
      rare += record.back() == 'a' && std::stoi(patient.substr(1)) % 8 == 0;
    }
    EXPECT_EQ(rare, 1);  // five patients have the rare class
    EXPECT_NEAR(static_cast<double>(fold.size()), 16, 4);
  }
  EXPECT_EQ(seen.size(), 80U);
  EXPECT_EQ(folds, folds_by_patient(patients, 5, 1));
  EXPECT_NE(folds, folds_by_patient(patients, 5, 2));
  io::expect_error([&] { folds_by_patient(patients, 41, 1); }, "41 folds of 40 patients");
}

}  // namespace
}  // namespace sec::train
