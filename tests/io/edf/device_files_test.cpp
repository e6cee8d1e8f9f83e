// EDF files as recorders write them: unused channels, text in Latin-1, signals without a unit, durations of annotations,
// sampling rates that no whole second divides.
#include <gtest/gtest.h>

#include <cmath>

#include "io/edf/reader.h"
#include "io/edf/writer.h"
#include "io/recording/memory_reader.h"
#include "tests/io/files.h"

namespace sec::io {
namespace {

struct Channel {
  std::string label;
  std::string unit = "mV";
  std::string physical_min = "-10";
  std::string physical_max = "10";
  std::string digital_min = "-1000";
  std::string digital_max = "1000";
  int samples = 4;  // per record
};

// Two data records of a second. Sample i of a channel has the digital value i. Each record has one annotation signal of
// 60 bytes that begins with the given text.
std::string edf(const std::vector<Channel>& channels, const std::string& patient = "X X X X",
                const std::vector<std::string>& texts = {"", ""}) {
  const auto field = [](std::string text, std::size_t width) {
    text.resize(width, ' ');
    return text;
  };
  std::vector<Channel> all = channels;
  all.push_back({"EDF Annotations", "", "-1", "1", "-32768", "32767", 30});
  std::string file = field("0", 8) + field(patient, 80) + field("Startdate 02-Mar-2002 X X X", 80) +
                     "02.03.02" + "12.30.05" + field(std::to_string(256 * (all.size() + 1)), 8) +
                     field("EDF+C", 44) + field("2", 8) + field("1", 8) +
                     field(std::to_string(all.size()), 4);
  const auto each = [&](std::size_t width, const auto& text) {
    for (const Channel& channel : all) {
      file += field(text(channel), width);
    }
  };
  each(16, [](const Channel& c) { return c.label; });
  each(80, [](const Channel&) { return std::string(); });
  each(8, [](const Channel& c) { return c.unit; });
  each(8, [](const Channel& c) { return c.physical_min; });
  each(8, [](const Channel& c) { return c.physical_max; });
  each(8, [](const Channel& c) { return c.digital_min; });
  each(8, [](const Channel& c) { return c.digital_max; });
  each(80, [](const Channel&) { return std::string(); });
  each(8, [](const Channel& c) { return std::to_string(c.samples); });
  each(32, [](const Channel&) { return std::string(); });
  for (int record = 0; record < 2; ++record) {
    for (const Channel& channel : channels) {
      for (int i = 0; i < channel.samples; ++i) {
        file += std::string{static_cast<char>(record * channel.samples + i), '\0'};
      }
    }
    std::string list = "+" + std::to_string(record) + "\x14\x14" + std::string(1, '\0') +
                       texts[static_cast<std::size_t>(record)];
    list.resize(60, '\0');
    file += list;
  }
  return file;
}

// Clinical files carry blanked channels whose digital or physical range is empty.
TEST(EdfOfDevices, UnusedChannelsAreLeftOut) {
  const TemporaryFolder folder;
  const Channel dummy{"-", "", "-1", "1", "0", "0", 1};
  const Channel zero{"-", "uV", "0", "0", "-32768", "32767", 4};
  for (const Channel& unused : {dummy, zero}) {
    folder.write("r.edf", edf({{"ECG MLII"}, unused, {"ECG V1"}}));
    const auto reader = open_edf(folder / "r.edf");
    const ReaderInfo& info = reader->info();
    ASSERT_EQ(info.leads.size(), 2U);
    EXPECT_EQ(info.leads[0].name, "MLII");
    EXPECT_EQ(info.leads[1].name, "V1");
    EXPECT_EQ(info.rate, 4);  // a blanked channel of another rate does not change the frames
    ASSERT_EQ(info.left_out.size(), 1U);
    EXPECT_TRUE(info.left_out[0].starts_with("signal 1 (-): ")) << info.left_out[0];
    std::vector<float> a(8);
    std::vector<float> b(8);
    const std::vector<std::span<float>> leads{a, b};
    reader->read(0, 8, leads);
    for (int i = 0; i < 8; ++i) {
      EXPECT_NEAR(a[static_cast<std::size_t>(i)], i / 100.0, 1e-6);
      EXPECT_NEAR(b[static_cast<std::size_t>(i)], i / 100.0, 1e-6);
    }
  }
  folder.write("none.edf", edf({dummy}));
  EXPECT_TRUE(open_edf(folder / "none.edf")->info().leads.empty());  // a file of annotations
}

TEST(EdfOfDevices, Latin1BecomesUtf8AndIsWrittenAgain) {
  const TemporaryFolder folder;
  folder.write("latin.edf",
               edf({{"ECG II"},
                    {"Temp\xe9rature",
                     "\xb0"
                     "C"},
                    {"III", "\xb5V"}},
                   "4711 M 01-JAN-1950 J\xf6rg_M\xfcller", {"+0.25\x14H\xe4ndezittern\x14", ""}));
  const auto reader = open_edf(folder / "latin.edf");
  EXPECT_EQ(reader->info().comments.at(0), "patient: 4711 M 01-JAN-1950 J\u00f6rg_M\u00fcller");
  EXPECT_EQ(reader->info().leads[1].name, "Temp\u00e9rature");
  EXPECT_EQ(reader->info().leads[1].units, "\u00b0C");
  EXPECT_EQ(reader->info().leads[2].units, "mV");
  EXPECT_EQ(reader->info().start_date, "02/03/2002");
  EXPECT_EQ(reader->annotations().at(0).aux, "H\u00e4ndezittern");
  write_edf(folder / "again.edf", *reader, reader->annotations());
  const auto again = open_edf(folder / "again.edf");
  EXPECT_EQ(again->info().comments.at(0), reader->info().comments[0]);
  EXPECT_EQ(again->info().leads[1].name, "Temp?rature");  // the header's signal fields are ASCII
  EXPECT_EQ(again->info().leads[1].units, "?C");
  EXPECT_EQ(again->annotations(), reader->annotations());
}

TEST(EdfOfDevices, SignalsWithoutAUnitSaySo) {
  const TemporaryFolder folder;
  folder.write("r.edf", edf({{"ECG II"}, {"Activity", ""}}));
  const auto reader = open_edf(folder / "r.edf");
  EXPECT_EQ(reader->info().leads[1].units, "NU");
  write_edf(folder / "again.edf", *reader, {});
  EXPECT_EQ(open_edf(folder / "again.edf")->info().leads[1].units, "NU");
}

TEST(EdfOfDevices, AnnotationsKeepTheirDurations) {
  const TemporaryFolder folder;
  folder.write("r.edf", edf({{"ECG II"}}, "X",
                            {"+0.25\x15"
                             "0.5\x14"
                             "apnea\x14" +
                                 std::string(1, '\0') +
                                 "+0.5\x15"
                                 "0\x14N\x14",
                             "+1.5\x14V\x14" + std::string(1, '\0') + "+1.75\x15\x14x\x14"}));
  const auto reader = open_edf(folder / "r.edf");
  const std::vector<Annotation> annotations = reader->annotations();
  ASSERT_EQ(annotations.size(), 4U);
  EXPECT_EQ(annotations[0].duration, 0.5);
  EXPECT_EQ(annotations[0].aux, "apnea");
  EXPECT_EQ(annotations[1].duration, 0.0);
  EXPECT_FALSE(annotations[2].duration.has_value());
  EXPECT_FALSE(annotations[3].duration.has_value());  // an empty duration
  write_edf(folder / "again.edf", *reader, annotations);
  EXPECT_EQ(open_edf(folder / "again.edf")->annotations(), annotations);
  write_edf_annotations(folder / "only.edf", 4, {}, annotations);
  EXPECT_EQ(open_edf(folder / "only.edf")->annotations().at(1).duration, 0.0);
  folder.write("bad.edf", edf({{"ECG II"}}, "X",
                              {"",
                               "+1.5\x15"
                               "long\x14V\x14"}));
  expect_error([&] { open_edf(folder / "bad.edf")->annotations(); },
               "bad.edf: record 1: an annotation's duration is 'long'");
}

// Records are short, so that little is filled up at the end, and the rate is kept within a part in 10^7.
TEST(EdfOfDevices, OddRatesNeedNoLongRecords) {
  const TemporaryFolder folder;
  for (const double rate :
       {249.89, 360.01, 600.6108041988791, 62.4725, 128.5, 1000.0 / 3, 500.0, 0.3, 97.0001}) {
    Recording recording;
    recording.name = "r";
    recording.rate = rate;
    recording.leads = {{"II", "mV", 1000, 0, 16}};
    recording.signals = {{}};
    const auto samples = static_cast<std::int64_t>(rate < 1 ? 30 : 10 * rate);
    for (std::int64_t i = 0; i < samples; ++i) {
      recording.signals[0].push_back(static_cast<float>(i % 100) / 1000);
    }
    write_edf(folder / "r.edf", *reader_of(recording), {});
    const auto reader = open_edf(folder / "r.edf");
    EXPECT_EQ(reader->info().samples, samples) << rate;
    EXPECT_NEAR(reader->info().rate / rate, 1, 1e-7) << rate;
    const std::string header = content_of(folder / "r.edf").substr(0, 256);
    const double seconds = std::stod(header.substr(236, 8)) * std::stod(header.substr(244, 8));
    // Some two hundred numbers of samples per record are tried, so one fits the recording's length to a few samples.
    EXPECT_LE(seconds, (static_cast<double>(samples) + (rate < 1 ? 3 : 10)) / rate) << rate;
  }
}

}  // namespace
}  // namespace sec::io
