#include "io/synthetic/database.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/parallel.h"
#include "io/recording/annotation_codes.h"
#include "io/signal/filters.h"
#include "io/wfdb/annotation.h"
#include "tests/io/files.h"

namespace sec::io {
namespace {

SyntheticRecord make(const char* name, double minutes, double noise = 1, std::uint64_t seed = 1) {
  SyntheticOptions options;
  options.minutes = minutes;
  options.noise = noise;
  options.seed = seed;
  return synthesize(mitdb_record(name), options);
}

TEST(Synthetic, TheSameSeedGivesTheSameFilesWithAnyNumberOfThreads) {
  SyntheticOptions options;
  options.minutes = 0.2;
  options.records = {"100", "104", "201", "234"};
  const TemporaryFolder one;
  const TemporaryFolder two;
  set_threads(1);
  write_synthetic_database(one.path(), options);
  set_threads(3);
  write_synthetic_database(two.path(), options);
  set_threads(0);
  EXPECT_EQ(one.entries(), 4U * 3 + 2);
  for (const auto& entry : std::filesystem::directory_iterator(one.path())) {
    const std::string name = entry.path().filename().string();
    EXPECT_EQ(content_of(entry.path()), content_of(two / name)) << name;
  }
  EXPECT_NE(make("100", 0.2, 1, 1).digital.signals, make("100", 0.2, 1, 2).digital.signals);
}

TEST(Synthetic, ReadsBackAsADatabaseThatSaysItIsSynthetic) {
  const TemporaryFolder folder;
  SyntheticOptions options;
  options.minutes = 0.5;
  const MitdbCounts counts = write_synthetic_database(folder.path() / "db", options).mitdb;
  const auto path = folder.path() / "db";
  EXPECT_TRUE(is_synthetic(path));
  EXPECT_EQ(expected_counts(path), counts);
  EXPECT_NE(content_of(path / "SYNTHETIC.txt").find("from no person"), std::string::npos);
  const auto names = read_record_names(path);
  ASSERT_EQ(names.size(), 48U);
  MitdbCounts found;
  for (const std::string& name : names) {
    const Recording recording = read_record(path, name);
    ASSERT_EQ(recording.samples(), 30 * 360);
    ASSERT_EQ(recording.leads.size(), 2U);
    EXPECT_EQ(recording.leads[0].name, name == "102" || name == "104" || name == "114" ? "V5" : "MLII");
    const auto annotations = read_annotations(path / (name + ".atr"), recording.rate);
    ASSERT_LT(annotations.back().sample, recording.samples());
    const ClassCounts beats = count_beats(annotations);
    for (std::size_t c = 0; c < beat_classes && mitdb_record(name).split != Split::paced; ++c) {
      (mitdb_record(name).split == Split::ds1 ? found.ds1 : found.ds2)[c] += beats[c];
    }
  }
  check_counts(path, Split::ds1, found.ds1);
  check_counts(path, Split::ds2, found.ds2);
}

// Checks the features that distinguish the kinds of beats: time, width and pause.
TEST(Synthetic, BeatsBehaveAsTheirKind) {
  double ventricular_pause = 0;
  double atrial_pause = 0;
  double ventricular_area = 0;
  double normal_area = 0;
  int ventricular = 0;
  int atrial = 0;
  int normal = 0;
  for (const char* name : {"100", "106", "119", "208", "221", "233"}) {
    const SyntheticRecord record = make(name, 10, 0);
    const auto& signal = record.digital.signals[0];
    const auto& beats = record.annotations;
    for (std::size_t i = 3; i + 2 < beats.size(); ++i) {
      const auto is_sinus = [&](std::size_t k) {
        const std::string symbol = symbol_of(beats[k].code);
        return symbol == "N" || symbol == "L" || symbol == "R";
      };
      if (!is_sinus(i - 2) || !is_sinus(i - 1) || !is_sinus(i + 1)) {
        continue;
      }
      const auto usual = static_cast<double>(beats[i - 1].sample - beats[i - 2].sample);
      const auto before = static_cast<double>(beats[i].sample - beats[i - 1].sample);
      const auto around = static_cast<double>(beats[i + 1].sample - beats[i - 1].sample);
      double area = 0;  // area of the QRS complex, mV s
      for (std::int64_t k = beats[i].sample - 36; k <= beats[i].sample + 54; ++k) {
        area += std::abs(signal[std::clamp<std::int64_t>(k, 0, std::ssize(signal) - 1)] - 1024) / 200.0 / 360;
      }
      const std::string symbol = symbol_of(beats[i].code);
      if (symbol == "V") {
        EXPECT_LT(before, 0.95 * usual);
        ventricular_pause += around / usual;
        ventricular_area += area;
        ++ventricular;
      } else if (symbol == "A" || symbol == "a" || symbol == "J") {
        EXPECT_LT(before, 0.95 * usual);
        atrial_pause += around / usual;
        ++atrial;
      } else if (is_sinus(i)) {
        EXPECT_GT(before, 0.6 * usual);
        normal_area += area;
        ++normal;
      }
    }
  }
  ASSERT_GT(ventricular, 20);
  ASSERT_GT(atrial, 20);
  EXPECT_NEAR(ventricular_pause / ventricular, 2, 0.05);  // compensatory pause
  EXPECT_LT(atrial_pause / atrial, 1.85);                 // not compensatory
  EXPECT_GT(ventricular_area / ventricular, 1.5 * normal_area / normal);
}

TEST(Synthetic, AnnotationsStandOnRPeaks) {
  const SyntheticRecord record = make("100", 5, 0);
  const auto& signal = record.digital.signals[0];
  int beats = 0;
  for (const Annotation& annotation : record.annotations) {
    if (symbol_of(annotation.code) != "N" || annotation.sample < 40) {
      continue;
    }
    const auto begin = signal.begin() + annotation.sample - 30;
    const auto peak = std::max_element(begin, begin + 60,
                                       [](int a, int b) { return std::abs(a - 1024) < std::abs(b - 1024); }) -
                      signal.begin();
    EXPECT_NEAR(static_cast<double>(peak), static_cast<double>(annotation.sample), 6);  // samples, 17 ms
    ++beats;
  }
  EXPECT_GT(beats, 200);
}

TEST(Synthetic, PacedRecordsArePaced) {
  for (const char* name : {"102", "104", "107", "217"}) {
    const ClassCounts counts = count_beats(make(name, 2).annotations);
    EXPECT_GT(5 * counts[static_cast<std::size_t>(BeatClass::Q)],
              4 * std::reduce(counts.begin(), counts.end()));
  }
}

TEST(Synthetic, EveryClassIsInBothSplitsOfFiveMinutes) {
  const TemporaryFolder folder;
  const MitdbCounts counts = write_synthetic_database(folder.path(), {}).mitdb;
  for (const ClassCounts& split : {counts.ds1, counts.ds2}) {
    EXPECT_GT(split[0], 5000);  // N
    EXPECT_GT(split[1], 100);   // S
    EXPECT_GT(split[2], 200);   // V
    EXPECT_GT(split[3], 50);    // F
    EXPECT_GT(split[4], 5);     // Q
  }
}

SyntheticOptions three_records() {
  SyntheticOptions options;
  options.minutes = 2;
  options.count = 3;
  options.rate = 250;
  options.mix = ClassMix{0.5, 0.2, 0.2, 0.06, 0.04};
  return options;
}

TEST(Synthetic, OtherRecordsHaveTheLeadsRateAndMixAskedFor) {
  const TemporaryFolder folder;
  SyntheticOptions options = three_records();
  options.leads = 12;
  const SyntheticCounts counts = write_synthetic_database(folder.path(), options);
  EXPECT_EQ(synthetic_total(folder.path()), counts.all);
  ClassCounts found{};
  const auto names = read_record_names(folder.path());
  EXPECT_EQ(names, (std::vector<std::string>{"s00001", "s00002", "s00003"}));
  for (const std::string& name : names) {
    const DigitalRecord record = read_digital(folder.path(), name);
    EXPECT_EQ(record.header.rate, 250);
    ASSERT_EQ(record.signals.size(), 12U);
    ASSERT_EQ(std::ssize(record.signals[0]), 2 * 60 * 250);
    const auto lead = [&](const std::string& wanted) -> const std::vector<std::int32_t>& {
      const auto at = std::ranges::find(record.header.signals, wanted, &WfdbSignal::description);
      return record.signals[static_cast<std::size_t>(at - record.header.signals.begin())];
    };
    // Einthoven's law holds up to the rounding of three numbers; also aVF = (II + III) / 2.
    for (std::size_t i = 0; i < record.signals[0].size(); i += 7) {
      ASSERT_NEAR(lead("III")[i] - 1024, lead("II")[i] - lead("I")[i], 2);
      ASSERT_NEAR(2 * (lead("aVF")[i] - 1024), lead("II")[i] + lead("III")[i] - 2048, 3);
    }
    const auto annotations = read_annotations(folder / (name + ".atr"));
    const ClassCounts beats = count_beats(annotations);
    const auto total = static_cast<double>(std::reduce(beats.begin(), beats.end()));
    EXPECT_GT(total, 90);  // the heart rate is at least 45 beats per minute
    for (std::size_t c = 0; c < beat_classes; ++c) {
      found[c] += beats[c];
      EXPECT_NEAR(static_cast<double>(beats[c]), (*options.mix)[c] * total, 4) << name << " " << c;
    }
  }
  EXPECT_EQ(found, counts.all);
  // Each record is of a different patient.
  EXPECT_NE(read_digital(folder.path(), "s00001").signals, read_digital(folder.path(), "s00002").signals);
}

// A patient's beats come at the same times at every sampling rate.
TEST(Synthetic, BeatsComeAtTheSameTimesAtEveryRate) {
  SyntheticOptions options = three_records();
  options.count = 1;
  std::vector<std::vector<Annotation>> found;
  for (const double rate : {100.0, 1000.0}) {
    const TemporaryFolder folder;
    options.rate = rate;
    write_synthetic_database(folder.path(), options);
    found.push_back(read_annotations(folder / "s00001.atr"));
  }
  ASSERT_EQ(found[0].size(), found[1].size());
  for (std::size_t i = 1; i < found[0].size(); ++i) {
    EXPECT_EQ(found[0][i].code, found[1][i].code);
    EXPECT_NEAR(static_cast<double>(found[0][i].sample), static_cast<double>(found[1][i].sample) / 10, 1);
  }
}

TEST(Synthetic, RefusesOptionsThatContradictEachOther) {
  const TemporaryFolder folder;
  const auto expect = [&](const std::function<void(SyntheticOptions&)>& change, const std::string& text) {
    SyntheticOptions options = three_records();
    change(options);
    expect_error([&] { write_synthetic_database(folder.path() / "x", options); }, text);
  };
  expect([](auto& o) { o.count = 0; }, "can be chosen only with a count of records");
  expect([](auto& o) { o.count = -1; }, "-1 records, expected 1 to 99999");
  expect([](auto& o) { o.records = {"100"}; }, "excludes names of records");
  expect([](auto& o) { o.rate = 99; }, "99 Hz, expected 100 to 2000");
  expect([](auto& o) { o.leads = 13; }, "13 leads, expected 1 to 12");
  expect([](auto& o) { o.mix = ClassMix{1, 0.1, 0, 0, 0}; }, "sum to 1.1, expected 1");
  expect([](auto& o) { o.mix = ClassMix{1.1, -0.1, 0, 0, 0}; }, "is -0.1, expected at least 0");
  EXPECT_EQ(folder.entries(), 0U);
}

TEST(Synthetic, LeavesRealDatabasesAloneAndRefusesWrongOptions) {
  const TemporaryFolder folder;
  folder.write("RECORDS", "100\n");
  expect_error([&] { write_synthetic_database(folder.path(), {}); },
               "holds a database that is not synthetic; it is left unchanged");
  EXPECT_EQ(folder.entries(), 1U);
  expect_error([] { make("100", 0.05); }, "synthetic: 0.05 minutes, expected 0.1 to 120");
  expect_error([] { make("100", NAN); }, "minutes, expected 0.1 to 120");
  expect_error([] { make("100", 1, -1); }, "synthetic: noise -1, expected 0 to 100");
  SyntheticOptions options;
  options.records = {"999"};
  expect_error([&] { write_synthetic_database(folder.path() / "x", options); },
               "'999' is not a record of the MIT-BIH Arrhythmia Database");
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "x"));
}

}  // namespace
}  // namespace sec::io
