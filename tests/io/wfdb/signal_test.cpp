#include "io/wfdb/signal.h"

#include <gtest/gtest.h>

#include <cmath>

#include "io/wfdb/annotation.h"
#include "tests/io/files.h"

namespace sec::io {
namespace {

DigitalRecord two_leads(int format, std::size_t samples) {
  DigitalRecord record;
  record.header.name = "r";
  record.header.rate = 360;
  record.header.comments = {"a comment"};
  for (const char* lead : {"MLII", "V1"}) {
    WfdbSignal signal;
    signal.format = format;
    signal.resolution = 11;
    signal.zero = signal.baseline = 1024;
    signal.description = lead;
    record.header.signals.push_back(signal);
  }
  const std::int32_t range = format == 212 ? 2047 : format == 16 ? 32767 : (1 << 23) - 1;
  record.signals.resize(2, std::vector<std::int32_t>(samples));
  for (std::size_t i = 0; i < samples; ++i) {
    record.signals[0][i] = static_cast<std::int32_t>(i * 1'234'577 % (2 * range + 1)) - range;
    record.signals[1][i] = i % 5 == 3 ? invalid_sample : range - static_cast<std::int32_t>(i % range);
  }
  return record;
}

class RoundTrip : public testing::TestWithParam<int> {};

TEST_P(RoundTrip, EverySampleComesBack) {
  for (const std::size_t samples : {0, 1, 2, 5000}) {
    const TemporaryFolder folder;
    const DigitalRecord record = two_leads(GetParam(), samples);
    write_digital(folder.path(), record);
    const DigitalRecord back = read_digital(folder.path(), "r");
    EXPECT_EQ(back.signals, record.signals);
    EXPECT_EQ(back.header.comments, record.header.comments);
    EXPECT_EQ(back.header.signals[1].description, "V1");
    EXPECT_EQ(folder.entries(), 2U);
  }
}

TEST_P(RoundTrip, OneLeadWithAnOddNumberOfSamples) {
  const TemporaryFolder folder;
  DigitalRecord record = two_leads(GetParam(), 777);
  record.header.signals.pop_back();
  record.signals.pop_back();
  write_digital(folder.path(), record);
  EXPECT_EQ(read_digital(folder.path(), "r").signals, record.signals);
}

// Two leads at different rates, with all optional fields of a header.
TEST_P(RoundTrip, SeveralSamplesAFrame) {
  const TemporaryFolder folder;
  DigitalRecord record = two_leads(GetParam(), 21);
  record.header.signals[1].samples_per_frame = 3;
  record.signals[0].resize(7);
  record.header.base_time = "23:59:01.5";
  record.header.base_date = "29/02/2024";
  write_digital(folder.path(), record);
  const DigitalRecord back = read_digital(folder.path(), "r");
  EXPECT_EQ(back.signals, record.signals);
  EXPECT_EQ(back.header.samples, 7);
  EXPECT_EQ(back.header.base_time, "23:59:01.5");
  EXPECT_EQ(back.header.base_date, "29/02/2024");
  EXPECT_EQ(back.header.signals[0].initial, record.signals[0][0]);
  expect_error([&] { to_recording(back); },
               "r.hea: signal 1 has 3 samples per frame, signal 0 has 1, expected one rate for all signals");
  record.signals[1].pop_back();
  expect_error([&] { write_digital(folder.path(), record); },
               "r.dat: signal 1 has 20 samples, signal 0 has 7");
}

INSTANTIATE_TEST_SUITE_P(Formats, RoundTrip, testing::Values(16, 24, 212));

// tools/parity/compare_wfdb.py checks that Python's wfdb reads these records as written.
// The script names the folder to write the records to, and knows their contents.
TEST(WfdbSignal, RecordsForOtherPrograms) {
  const TemporaryFolder temporary;
  const char* wanted = std::getenv("SEC_WRITTEN");
  const std::filesystem::path folder = wanted != nullptr ? wanted : temporary.path();
  for (const int format : {16, 24, 212}) {
    const std::int32_t top = format == 212 ? 2047 : format == 16 ? 32767 : 8'388'607;
    DigitalRecord record;
    record.header.name = fmt::format("w{}", format);
    record.header.rate = 360;
    record.header.base_time = "23:59:01.5";
    record.header.base_date = "29/02/2024";
    record.header.comments = {"Age: 69", "Sex: F"};
    record.header.signals.resize(2);
    WfdbSignal& first = record.header.signals[0];
    first.description = "MLII";
    first.gain = 200.5;
    first.baseline = 1024;
    WfdbSignal& second = record.header.signals[1];
    second.description = "art. pressure";
    second.units = "mmHg";
    second.gain = -1000;
    second.baseline = -3;
    second.samples_per_frame = 3;
    first.format = second.format = format;
    record.signals.resize(2);
    for (std::int64_t i = 0; i < 1000; ++i) {
      record.signals[0].push_back(static_cast<std::int32_t>(i * 1'234'577 % (2 * top + 1)) - top);
    }
    for (std::int32_t i = 0; i < 3000; ++i) {
      record.signals[1].push_back(i % 7 == 3 ? invalid_sample : top - i % top);
    }
    const AnnotationFile annotations = {{{42, "sp", "spindle of sleep"}, {15, "K", "K complex"}},
                                        360,
                                        {{5, 28, 0, 0, 0, "(AFIB"},
                                         {700, 1, -128, 255, 127, ""},
                                         {700, 42, 1, 0, -1, "a note"},
                                         {100'000, 15, 0, 0, -1, std::string(255, 'x')}}};
    write_digital(folder, record);
    write_annotation_file(folder / (record.header.name + ".atr"), annotations);
    EXPECT_EQ(read_digital(folder, record.header.name).signals, record.signals);
    EXPECT_EQ(read_annotation_file(folder / (record.header.name + ".atr"), 360).annotations,
              annotations.annotations);
  }
}

// The bytes are written by hand from the format's description.
TEST(WfdbSignal, DecodesBytesLaidOutByHand) {
  const TemporaryFolder folder;
  folder.write("a.hea", "a 2 100 2\na.dat 212 100\na.dat 212 -100(1)/uV\n");
  // 0x123, -1, -2048 (invalid), 0x7ff
  folder.write("a.dat", std::string("\x23\xf1\xff\x00\x78\xff", 6));
  const DigitalRecord digital = read_digital(folder.path(), "a");
  EXPECT_EQ(digital.signals[0], (std::vector<std::int32_t>{0x123, invalid_sample}));
  EXPECT_EQ(digital.signals[1], (std::vector<std::int32_t>{-1, 0x7ff}));
  const Recording physical = to_recording(digital);
  EXPECT_EQ(physical.leads[1].units, "mV");
  EXPECT_FLOAT_EQ(physical.signals[0][0], 2.91F);
  EXPECT_TRUE(std::isnan(physical.signals[0][1]));
  EXPECT_FLOAT_EQ(physical.signals[1][0], 2e-5F);  // (-1 - 1) / -100 uV
  EXPECT_DOUBLE_EQ(physical.leads[1].gain, -1e5);

  folder.write("b.hea", "b 1 100\nb.dat 16+2\n");
  folder.write("b.dat", std::string("##\x01\x00\xff\xff\x00\x80\xff\x7f", 10));
  EXPECT_EQ(read_digital(folder.path(), "b").signals[0],
            (std::vector<std::int32_t>{1, -1, invalid_sample, 32767}));
}

TEST(WfdbSignal, SkewIsTakenBack) {
  const TemporaryFolder folder;
  folder.write("a.hea", "a 2 100 3\na.dat 16\na.dat 16:1\n");
  folder.write("a.dat", std::string("\1\0\4\0\2\0\5\0\3\0\6\0", 12));
  const DigitalRecord digital = read_digital(folder.path(), "a");
  EXPECT_EQ(digital.signals[0], (std::vector<std::int32_t>{1, 2, 3}));
  EXPECT_EQ(digital.signals[1], (std::vector<std::int32_t>{5, 6, invalid_sample}));
}

struct BadRecord {
  std::string name;
  std::string header;
  std::string message;
};

class BadWfdbRecord : public testing::TestWithParam<BadRecord> {};

TEST_P(BadWfdbRecord, OneLineSaysWhy) {
  const TemporaryFolder folder;
  folder.write("r.hea", GetParam().header);
  folder.write("r.dat", std::string(12, '\1'));  // 3 samples of 2 signals in format 16, 4 in format 212
  folder.write("s.dat", std::string(6, '\1'));
  expect_error([&] { read_digital(folder.path(), "r"); }, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Headers, BadWfdbRecord,
    testing::Values(
        BadRecord{"Truncated", "r 2 360 4\nr.dat 16\nr.dat 16\n",
                  "r.dat: truncated: 4 samples per signal expected, 3 found"},
        BadRecord{"Truncated212", "r 2 360 5\nr.dat 212\nr.dat 212\n",
                  "r.dat: truncated: 5 samples per signal expected, 4 found"},
        BadRecord{"HugeCount", "r 2 360 9223372036854775807\nr.dat 16\nr.dat 16\n",
                  "r.dat: truncated: 9223372036854775807 samples per signal expected, 3 found"},
        BadRecord{"Missing", "r 1 360 4\nno.dat 16\n", "no.dat: cannot open: No such file or directory"},
        BadRecord{"Checksum", "r 2 360 3\nr.dat 16 200 11 0 257 771\nr.dat 16 200 11 0 257 770 0 V1\n",
                  "r.dat: signal 1 (V1): checksum of the samples is 771, the header says 770"},
        BadRecord{"Initial", "r 1 360 3\nr.dat 16 200 11 0 256 0 0 II\n",
                  "r.dat: signal 0 (II): first sample is 257, the header says 256"},
        BadRecord{"Format", "r 1 360 3\nr.dat 81\n", "r.dat: format 81 is not a WFDB signal format"},
        BadRecord{"Frames", "r 1 360 3\nr.dat 16x4\n",
                  "r.dat: truncated: 3 samples per signal expected, 1 found"},
        BadRecord{"HugeFrames", "r 1 0.001 3\nr.dat 16x2000000000\n",
                  "r.hea: frames of more than 1048576 samples"},
        BadRecord{"NoFile", "r 1 360 9223372036854775807\n~ 0\n", "r.hea: signal 0 has no samples"},
        BadRecord{"Segments", "r/1 1 360\ns 3\n", "r.hea: a multi-segment record cannot be read as a whole"},
        BadRecord{"MixedFormats", "r 2 360 3\nr.dat 16\nr.dat 212\n",
                  "r.hea: signals 0 and 1 share r.dat but differ in format or byte offset"},
        BadRecord{"Offset", "r 1 360 3\nr.dat 16+13\n", "r.dat: 12 bytes, but its samples begin at byte 13"}),
    [](const auto& test) { return test.param.name; });

TEST(WfdbSignal, NamesThatLeadOutAreRefused) {
  const TemporaryFolder folder;
  for (const char* name : {"", "../r", "a/../../r", "/etc/passwd"}) {
    expect_error([&] { read_digital(folder.path(), name); }, "is not the name of a record in");
  }
  expect_error([&] { read_digital(folder.path(), "r"); }, "r.hea: cannot open: No such file");
}

TEST(WfdbSignal, TheWriterRefusesWhatTheFormatCannotHold) {
  const TemporaryFolder folder;
  DigitalRecord record = two_leads(212, 10);
  record.signals[1][4] = 2048;
  expect_error([&] { write_digital(folder.path(), record); },
               "r.dat: signal 1: sample 4 is 2048, expected -2047 to 2047");
  record.signals[1].pop_back();
  expect_error([&] { write_digital(folder.path(), record); },
               "r.dat: signal 1 has 9 samples, signal 0 has 10");
  record.header.signals[0].format = 80;
  expect_error([&] { write_digital(folder.path(), record); }, "format 80 cannot be written");
  EXPECT_EQ(folder.entries(), 0U);
}

}  // namespace
}  // namespace sec::io
