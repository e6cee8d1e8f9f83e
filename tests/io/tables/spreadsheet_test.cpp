// Tables as spreadsheets and other writers make them: decimal commas, semicolons, byte order marks, old encodings,
// recordings with several samples per frame.
#include <gtest/gtest.h>

#include <cmath>

#include "io/databases/open_recording.h"
#include "io/tables/csv_writer.h"
#include "io/tables/npy_writer.h"
#include "io/wfdb/signal.h"
#include "tests/io/files.h"

namespace sec::io {
namespace {

std::vector<std::vector<float>> read_all(RecordingReader& reader) {
  std::vector<std::vector<float>> all;
  std::vector<std::span<float>> spans;
  for (const int each : reader.info().samples_per_frame) {
    all.emplace_back(static_cast<std::size_t>(reader.info().samples * each));
  }
  spans.assign(all.begin(), all.end());
  reader.read(0, reader.info().samples, spans);
  return all;
}

TEST(Spreadsheets, DecimalCommasAreReadBetweenSemicolonsAndTabs) {
  const TemporaryFolder folder;
  folder.write("plain.csv.json", R"({"rate": 100, "leads": ["I", "II"]})");
  for (const auto& [name, text] : std::vector<std::pair<std::string, std::string>>{
           {"r.csv", "\xef\xbb\xbftime_s;I;II\r\n0,00;-0,115;1e1\r\n0,01;0,5;-2\r\n0,02;;,25\r\n"},
           {"r.csv", "Time_S\tI\tII\n0,00\t-0,115\t10\n0,01\t0,5\t-2,0\n0,02\tnan\t0,25\n"},
           {"r.tsv", "TIME [S]\tI\tII\n0,00\t-0,115\t10\n0,01\t0,5\t-2,0\n0,02\tNA\t0,25\n"},
           {"r.CSV", "Elapsed time;I (uV);II\n0:00,00;-115,0;10\n0:00,01;500;-2\n0:00,02;-;0,25\n"},
           {"plain.csv", "-0,115;10\n0,5;-2\n;0,25\n"}}) {
    const auto reader = open_recording(folder.write(name, text));
    EXPECT_EQ(reader->info().rate, 100) << text;
    ASSERT_EQ(reader->info().leads.size(), 2U) << text;
    EXPECT_EQ(reader->info().leads[0].name, "I") << text;
    const auto values = read_all(*reader);
    EXPECT_FLOAT_EQ(values[0][0], -0.115F) << text;
    EXPECT_FLOAT_EQ(values[0][1], 0.5F) << text;
    EXPECT_TRUE(std::isnan(values[0][2])) << text;
    EXPECT_EQ(values[1], (std::vector<float>{10, -2, 0.25F})) << text;
  }
}

// Where a comma could be something else, the message names it.
TEST(Spreadsheets, AmbiguousCommasAreRefused) {
  const TemporaryFolder folder;
  for (const auto& [text, message] : std::vector<std::pair<std::string, std::string>>{
           {"time_s,I,II\n0,00,-0,115,1,0\n0,01,-0,1,2,0\n",
            "r.csv: line 2: 6 cells, expected 3; a decimal comma needs"},
           {"time_s,I,II\n\"0,00\",1,2\n\"0,01\",1,2\n",
            "line 2: time is '0,00', expected seconds or h:mm:ss; a decimal comma"},
           {"time_s,I,II\n0,\"1,5\",2\n1,\"1,5\",2\n",
            "line 2: lead I is '1,5', expected a number; a decimal comma needs"},
           {"time_s;I;II\n0,0;1;2\n0,1;1;2.5\n", "line 3: a decimal point, but line 2 has a decimal comma"},
           {"time_s;I;II\n0.0;1;2\n0.1;1,234;2\n", "line 3: a decimal comma, but line 2 has a decimal point"},
           {"time_s;I;II\n0;1,234,5;2\n1;1;2\n", "line 2: lead I is '1,234,5', expected a number"}}) {
    const auto path = folder.write("r.csv", text);
    expect_error([&] { read_all(*open_recording(path)); }, message);
  }
}

TEST(Spreadsheets, NamesAndCommentsInLatin1BecomeUtf8) {
  const TemporaryFolder folder;
  const auto reader = open_recording(folder.write("r.csv",
                                                  "# Patient: M\xfcller\ntime_s,Temp\xe9rature (\xb0"
                                                  "C),Activity ()\n0,1,1\n1,1,2\n"));
  EXPECT_EQ(reader->info().comments[0], "Patient: M\u00fcller");
  EXPECT_EQ(reader->info().leads[0].name, "Temp\u00e9rature");
  EXPECT_EQ(reader->info().leads[0].units, "\u00b0C");
  EXPECT_EQ(reader->info().leads[1].units, "NU");  // brackets without a unit: a quantity that has none
}

// 250 frames per second of four samples: the same recording as 1000 samples per second.
TEST(Spreadsheets, SeveralSamplesPerFrameBecomeRows) {
  const TemporaryFolder folder;
  DigitalRecord record;
  record.header.name = "x4";
  record.header.rate = 250;
  for (const char* lead : {"MLII", "V1"}) {
    WfdbSignal signal;
    signal.format = 16;
    signal.samples_per_frame = 4;
    signal.gain = 1000;
    signal.description = lead;
    record.header.signals.push_back(signal);
  }
  record.signals.resize(2);
  for (int i = 0; i < 4 * 500; ++i) {
    record.signals[0].push_back(i % 700);
    record.signals[1].push_back(-i);
  }
  write_digital(folder.path(), record);
  write_csv(folder / "o.csv", *open_recording(folder / "x4"));
  write_npy(folder / "o.npy", *open_recording(folder / "x4"));
  write_npy(folder / "d.npy", *open_recording(folder / "x4"), true);
  for (const char* name : {"o.csv", "o.npy", "d.npy"}) {
    const auto reader = open_recording(folder / name);
    EXPECT_EQ(reader->info().rate, 1000) << name;
    ASSERT_EQ(reader->info().samples, 2000) << name;
    const auto values = read_all(*reader);
    for (std::size_t i = 0; i < 2000; ++i) {
      ASSERT_FLOAT_EQ(values[0][i], static_cast<float>(record.signals[0][i]) / 1000) << name << " " << i;
      ASSERT_FLOAT_EQ(values[1][i], static_cast<float>(record.signals[1][i]) / 1000) << name << " " << i;
    }
  }
  const Recording whole = read_record(folder.path(), "x4");
  EXPECT_EQ(whole.rate, 1000);
  EXPECT_EQ(whole.samples(), 2000);
  // Leads with different rates still have no common table.
  record.header.signals[1].samples_per_frame = 2;
  record.signals[1].resize(1000);
  write_digital(folder.path(), record);
  expect_error([&] { write_csv(folder / "p.csv", *open_recording(folder / "x4")); },
               "its leads have different rates");
}

}  // namespace
}  // namespace sec::io
