// Beats of recordings in other formats than WFDB: the same beats as those of the record they were made from.
#include <gtest/gtest.h>

#include <algorithm>

#include "io/databases/open_recording.h"
#include "io/databases/recording_annotations.h"
#include "io/edf/writer.h"
#include "io/recording/annotation_codes.h"
#include "io/tables/annotation_table.h"
#include "io/tables/csv_writer.h"
#include "io/wfdb/annotation.h"
#include "io/wfdb/signal.h"
#include "tests/train/tiny_run.h"
#include "train/data/beat_splits.h"

namespace sec::train {
namespace {

namespace fs = std::filesystem;
using io::expect_error;
using io::TemporaryFolder;

// Writes record `name` of the tiny database as NAME.csv, and its annotations as a table of seconds.
void write_csv_and_times(const TemporaryFolder& folder, const std::string& name) {
  const auto reader = io::open_recording(tiny_database() / name);
  io::write_csv(folder / (name + ".csv"), *reader);
  std::string table = "\xEF\xBB\xBFtime_s,symbol\n";
  std::vector<io::Annotation> annotations = io::read_annotations(tiny_database() / (name + ".atr"));
  std::ranges::reverse(annotations);  // rows may be in any order
  for (const io::Annotation& annotation : annotations) {
    table += fmt::format("{:.6f},{}\n", static_cast<double>(annotation.sample) / 360,
                         io::symbol_of(annotation.code));
  }
  folder.write(name + ".annotations.csv", table);
}

void write_edf_plus(const TemporaryFolder& folder, const std::string& name) {
  const auto reader = io::open_recording(tiny_database() / name);
  io::write_edf(folder / (name + ".edf"), *reader, io::read_annotations(tiny_database() / (name + ".atr")));
}

void expect_equal(const BeatRecord& is, const BeatRecord& expected) {
  ASSERT_EQ(is.beats.size(), expected.beats.size());
  for (std::size_t i = 0; i < is.beats.size(); ++i) {
    EXPECT_EQ(is.beats[i].sample, expected.beats[i].sample);
    EXPECT_EQ(is.beats[i].centre, expected.beats[i].centre);
    EXPECT_EQ(is.beats[i].aami, expected.beats[i].aami);
    EXPECT_EQ(is.beats[i].label, expected.beats[i].label);
  }
  EXPECT_EQ(is.source_rate, expected.source_rate);
  EXPECT_EQ(is.lead_names, expected.lead_names);
  EXPECT_EQ(is.signals, expected.signals);  // both formats hold the samples exactly
  EXPECT_EQ(is.templates, expected.templates);
}

TEST(OwnBeats, EdfAndTablesGiveTheBeatsOfTheRecord) {
  const TemporaryFolder folder;
  const Recipe recipe = tiny_recipe();
  for (const char* name : {"101", "119"}) {
    const BeatRecord expected = load_record(tiny_database(), name, recipe);
    write_csv_and_times(folder, name);
    write_edf_plus(folder, name);
    expect_equal(load_record(folder.path(), std::string(name) + ".csv", recipe), expected);
    expect_equal(load_record(folder.path(), std::string(name) + ".edf", recipe), expected);
    for (const char* extension : {".hea", ".dat"}) {  // a WFDB record without .atr
      fs::copy_file(tiny_database() / (std::string(name) + extension),
                    folder / (std::string(name) + extension));
    }
    expect_equal(load_record(folder.path(), name, recipe), expected);
    EXPECT_EQ(annotated_beats({"", std::string(name) + ".edf", folder.path()}),
              annotated_beats({"", name, tiny_database()}));
    EXPECT_EQ(annotated_beats({"", std::string(name) + ".csv", folder.path()}),
              annotated_beats({"", name, tiny_database()}));
  }
}

// A record of 180 frames per second with two samples of each lead per frame has the beats of one with 360 samples per
// second. Annotations count frames.
TEST(OwnBeats, SeveralSamplesPerFrame) {
  const TemporaryFolder plain;
  const TemporaryFolder frames;
  const Recipe recipe = tiny_recipe();
  const io::DigitalRecord digital = io::read_digital(tiny_database(), "101");
  for (const char* extension : {".hea", ".dat"}) {
    fs::copy_file(tiny_database() / (std::string("101") + extension),
                  plain / (std::string("101") + extension));
  }
  std::vector<io::Annotation> annotations = io::read_annotations(tiny_database() / "101.atr");
  for (io::Annotation& annotation : annotations) {
    annotation.sample -= annotation.sample % 2;  // the first sample of its frame
  }
  io::write_annotations(plain / "101.atr", annotations);
  const BeatRecord expected = load_record(plain.path(), "101", recipe);

  for (io::Annotation& annotation : annotations) {
    annotation.sample /= 2;
  }
  io::write_annotations(frames / "101.atr", annotations);
  std::string header = fmt::format("101 2 180 {}\n", digital.signals[0].size() / 2);
  for (std::size_t lead = 0; lead < 2; ++lead) {
    std::int64_t sum = 0;
    for (const std::int32_t sample : digital.signals[lead]) {
      sum += sample;
    }
    header += fmt::format("101.dat 16x2 200 11 1024 {} {} 0 {}\n", digital.signals[lead][0],
                          static_cast<std::int16_t>(sum), lead == 0 ? "MLII" : "V1");
  }
  frames.write("101.hea", header);
  std::string bytes;
  for (std::size_t t = 0; t + 1 < digital.signals[0].size(); t += 2) {
    for (const std::vector<std::int32_t>& signal : digital.signals) {
      for (const std::int32_t sample : {signal[t], signal[t + 1]}) {
        bytes += static_cast<char>(sample & 0xFF);
        bytes += static_cast<char>(sample >> 8 & 0xFF);
      }
    }
  }
  frames.write("101.dat", bytes);
  expect_equal(load_record(frames.path(), "101", recipe), expected);
  EXPECT_EQ(annotated_beats({"", "101", frames.path()}), annotated_beats({"", "101", plain.path()}));
}

// A whole training's data from a folder of EDF+ files and tables, without RECORDS, with "*" for the rest.
TEST(OwnBeats, FoldersOfOtherFormatsAreDivided) {
  const TemporaryFolder folder;
  for (const char* name : {"101", "106", "100"}) {
    write_edf_plus(folder, name);
  }
  for (const char* name : {"119", "208", "205", "202"}) {
    write_csv_and_times(folder, name);
  }
  folder.write("notes.csv", "who,what\nme,nothing\n");  // no recording: nothing is annotated beside it
  EXPECT_EQ(io::annotated_recordings(folder.path()),
            (std::vector<std::string>{"100.edf", "101.edf", "106.edf", "119.csv", "202.csv", "205.csv",
                                      "208.csv"}));
  const Recipe recipe =
      tiny_recipe({"data.train=['*']", "data.validation=['205.csv']", "data.test=['100.edf','202.csv']"});
  const BeatSplits data = load_beat_splits(recipe, folder.path());
  EXPECT_EQ(data.splits.train, (std::vector<std::string>{"101.edf", "106.edf", "119.csv", "208.csv"}));
  EXPECT_EQ(count_classes(data.validation)[0], annotated_beats({"", "205", tiny_database()})[0]);
  const BeatSplits folds =
      load_beat_splits(tiny_recipe({"data.train=['*']", "data.validation=[]", "data.test=[]",
                                    "data.protocol=folds", "data.folds=3"}),
                       folder.path());
  EXPECT_EQ(folds.splits.train.size() + folds.splits.validation.size() + folds.splits.test.size(), 7U);
  // The fingerprint covers the annotations.
  const std::string table = io::content_of(folder / "119.annotations.csv");
  folder.write("119.annotations.csv", table + "59.5,N\n");
  EXPECT_NE(load_beat_splits(recipe, folder.path()).fingerprint, data.fingerprint);
}

TEST(OwnBeats, DamageIsOneLine) {
  const TemporaryFolder folder;
  const Recipe recipe = tiny_recipe();
  write_csv_and_times(folder, "101");
  const auto refused = [&](const std::string& table, const std::string& says) {
    folder.write("101.annotations.csv", table);
    expect_error([&] { load_record(folder.path(), "101.csv", recipe); }, says);
  };
  refused("time_s,sample,symbol\n1,2,N\n",
          "101.annotations.csv:1: expected a column sample or a column time_s, not both");
  refused("symbol\nN\n", "there is none");
  refused("sample,symbol\n12.5,N\n", "101.annotations.csv:2: sample '12.5', expected a whole number from 0");
  refused("time_s,symbol\n1,N\n-1,N\n", "101.annotations.csv:3: time_s '-1', expected seconds");
  refused("time_s,symbol\nnan,N\n", "101.annotations.csv:2: time_s 'nan'");
  refused("time_s,symbol\n1,PVC\n", "101.annotations.csv:2: symbol 'PVC', expected one of the MIT format");
  refused("time_s,symbol\n1,+\n",
          "101.annotations.csv: no beat is annotated; there are 1 x +; beats have symbols");
  refused("time_s,symbol\n1e9,N\n", "101.annotations.csv: no beat is annotated within the signal");
  fs::remove(folder / "101.annotations.csv");
  expect_error([&] { load_record(folder.path(), "101.csv", recipe); }, "101.atr: no beat is annotated");
  expect_error([&] { io::annotated_recordings(folder.path()); },
               "no RECORDS, and no recording with annotations");
}

}  // namespace
}  // namespace sec::train
