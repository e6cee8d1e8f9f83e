#include "io/wfdb/header.h"

#include <gtest/gtest.h>

#include "io/recording/lead_names.h"
#include "tests/io/files.h"

namespace sec::io {
namespace {

TEST(WfdbHeader, ReadsMitBihWithCarriageReturns) {
  const WfdbHeader header = parse_wfdb_header(
      "100 2 360 650000\r\n100.dat 212 200 11 1024 995 -22131 0 MLII\r\n"
      "100.dat 212 200 11 1024 1011 20052 0 V5\r\n# 69 M 1085 1629 x1\r\n# Aldomet, Inderal\r\n",
      "100.hea");
  EXPECT_EQ(header.name, "100");
  EXPECT_EQ(header.rate, 360);
  EXPECT_EQ(header.samples, 650000);
  ASSERT_EQ(header.signals.size(), 2U);
  const WfdbSignal& second = header.signals[1];
  EXPECT_EQ(second.file, "100.dat");
  EXPECT_EQ(second.format, 212);
  EXPECT_EQ(second.gain, 200);
  EXPECT_EQ(second.baseline, 1024);
  EXPECT_EQ(second.units, "mV");
  EXPECT_EQ(second.resolution, 11);
  EXPECT_EQ(second.initial, 1011);
  EXPECT_EQ(second.checksum, 20052);
  EXPECT_EQ(second.description, "V5");
  EXPECT_EQ(header.comments, (std::vector<std::string>{"69 M 1085 1629 x1", "Aldomet, Inderal"}));
}

TEST(WfdbHeader, ReadsEveryOptionalField) {
  const WfdbHeader header = parse_wfdb_header(
      "# before\n\nrec_1 1 62.4725/999.56(-5) 14400 19:46:25.757 01/02/1990\n"
      "x.dat 16x4:3+512 -16.5(800)/mmHg 12 2048 7 49347 64 arterial pressure  \n#after",
      "x.hea");
  EXPECT_EQ(header.rate, 62.4725);
  EXPECT_EQ(header.counter_rate, 999.56);
  EXPECT_EQ(header.base_counter, -5);
  EXPECT_EQ(header.base_time, "19:46:25.757");
  EXPECT_EQ(header.base_date, "01/02/1990");
  const WfdbSignal& signal = header.signals.at(0);
  EXPECT_EQ(signal.samples_per_frame, 4);
  EXPECT_EQ(signal.skew, 3);
  EXPECT_EQ(signal.byte_offset, 512);
  EXPECT_EQ(signal.gain, -16.5);
  EXPECT_EQ(signal.baseline, 800);
  EXPECT_EQ(signal.zero, 2048);
  EXPECT_EQ(signal.units, "mmHg");
  EXPECT_EQ(signal.checksum, 49347);
  EXPECT_EQ(signal.block_size, 64);
  EXPECT_EQ(signal.description, "arterial pressure");
  EXPECT_EQ(header.comments, (std::vector<std::string>{"before", "after"}));
}

TEST(WfdbHeader, FillsInTheStandardsDefaults) {
  const WfdbHeader header = parse_wfdb_header("r 2\nr.dat 16\nr.dat 16 0 11 5\n", "r.hea");
  EXPECT_EQ(header.rate, 250);
  EXPECT_EQ(header.samples, 0);
  EXPECT_EQ(header.signals[0].gain, 200);
  EXPECT_EQ(header.signals[0].resolution, 12);
  EXPECT_EQ(header.signals[0].baseline, 0);
  EXPECT_FALSE(header.signals[0].initial || header.signals[0].checksum);
  EXPECT_EQ(header.signals[1].gain, 200);
  EXPECT_EQ(header.signals[1].baseline, 5);  // the converter's zero value
}

TEST(WfdbHeader, ReadsSegments) {
  const WfdbHeader header =
      parse_wfdb_header("r/3 4 125 7505 1:56:25.894 09/10/2896\r\nl 0\r\n~ 7500\r\na_1 5\r\n", "r.hea");
  EXPECT_EQ(header.name, "r");
  EXPECT_EQ(header.width, 4U);
  EXPECT_EQ(header.samples, 7505);
  ASSERT_EQ(header.segments.size(), 3U);
  EXPECT_EQ(header.segments[0].name, "l");
  EXPECT_TRUE(header.segments[1].is_gap());
  EXPECT_EQ(header.segments[2].samples, 5);
  EXPECT_EQ(parse_wfdb_header("r/2 1\na 3\nb 4\n", "r.hea").samples, 7);
  expect_error([&] { wfdb_header_text(header); }, "r.hea: a multi-segment record cannot be written");
}

// Headers of the PhysioNet challenges 2020 and 2021 have a date with the month's name in place of the time.
TEST(WfdbHeader, ReadsChallengeHeaders) {
  const WfdbHeader header = parse_wfdb_header(
      "A0001 1 500 7500 12-May-2020 12:33:59\nA0001.mat 16x1+24 1000.0(0)/mv 16 0 28 -1716 0 I\n#Dx: "
      "59118001\n",
      "A0001.hea");
  EXPECT_EQ(header.base_time, "12:33:59");
  EXPECT_EQ(header.base_date, "12/05/2020");
  EXPECT_EQ(header.signals[0].byte_offset, 24);
  EXPECT_EQ(header.comments, (std::vector<std::string>{"Dx: 59118001"}));
  const Lead lead = lead_of(header.signals[0]);
  EXPECT_EQ(lead.units, "mV");
  EXPECT_EQ(lead.gain, 1000);
  for (const char* date : {"12-Mai-2020", "123-May-2020", "12-May-20", "-May-2020", "12-anF-2020", "-"}) {
    expect_error([&] { parse_wfdb_header(fmt::format("r 0 500 7500 {} 12:33:59\n", date), "r.hea"); },
                 "expected HH:MM:SS");
  }
}

// Headers of the 2017 challenge have an ISO date before the time, headers of other writers one after it or joined to it.
TEST(WfdbHeader, ReadsDatesInEveryUsualForm) {
  for (const char* start :
       {"2014-05-08 05:05:15", "05:05:15 2014-05-08", "2014-05-08T05:05:15", "05:05:15 08/05/2014",
        "8-May-2014 05:05:15", "05:05:15 08-MAY-2014", "08.05.2014 05:05:15"}) {
    const WfdbHeader header = parse_wfdb_header(fmt::format("iso 0 300 3000 {}\n", start), "iso.hea");
    EXPECT_EQ(header.base_time, "05:05:15") << start;
    EXPECT_EQ(header.base_date, "08/05/2014") << start;
    EXPECT_NE(wfdb_header_text(header).find(" 05:05:15 08/05/2014\n"), std::string::npos) << start;
  }
  for (const char* start :
       {"2014-13-08 05:05:15", "2014-05-32 05:05:15", "14-05-08 05:05:15", "2014-05 05:05:15"}) {
    expect_error([&] { parse_wfdb_header(fmt::format("r 0 300 9 {}\n", start), "r.hea"); },
                 "expected HH:MM:SS");
  }
  EXPECT_EQ(parse_wfdb_header("r 0 300 9 2014-05-08\n", "r.hea").base_date, "08/05/2014");
}

// Old headers are Latin-1. A unit that is left out after the slash means none.
TEST(WfdbHeader, TextIsUtf8) {
  const WfdbHeader header = parse_wfdb_header(
      "r 1\nr.dat 16 100(0)/\xb0"
      "C 16 0 0 0 0 Temp\xe9rature\n# M\xfcller\n",
      "r.hea");
  EXPECT_EQ(header.signals[0].units, "\u00b0C");
  EXPECT_EQ(header.signals[0].description, "Temp\u00e9rature");
  EXPECT_EQ(header.comments[0], "M\u00fcller");
  EXPECT_EQ(parse_wfdb_header("r 1\nr.dat 16 200/\n", "r.hea").signals[0].units, "NU");
}

TEST(WfdbHeader, TextReadsBackTheSame) {
  const std::string text =
      "rec_1 2 62.4725/999.56(-5) 14400 19:46:25.757 01/02/1990\n"
      "x.dat 16:3+512 -16.5(800)/mmHg 12 2048 7 -3 64 arterial pressure\nx.dat 16:3+512 200 11 1024\n# "
      "note\n";
  EXPECT_EQ(wfdb_header_text(parse_wfdb_header(text, "x.hea")), text);
  WfdbHeader header = parse_wfdb_header(text, "x.hea");
  header.signals[0].description = "two\nlines";
  expect_error([&] { wfdb_header_text(header); },
               "rec_1.hea: a comment, description or unit with a line break cannot be written");
  header = parse_wfdb_header(text, "x.hea");
  header.signals[0].description = "blank at the end ";
  expect_error([&] { wfdb_header_text(header); },
               "rec_1.hea: a name, comment, description or unit would not read back as given");
}

struct BadHeader {
  std::string name;
  std::string text;
  std::string message;
};

class BadWfdbHeader : public testing::TestWithParam<BadHeader> {};

TEST_P(BadWfdbHeader, OneLineSaysWhy) {
  expect_error([] { parse_wfdb_header(GetParam().text, "r.hea"); }, "r.hea" + GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, BadWfdbHeader,
    testing::Values(
        BadHeader{"Empty", "", ": no record line"}, BadHeader{"OnlyComments", "# x\n", ": no record line"},
        BadHeader{"TooFewSegments", "r/3 2 360\na 4\n", ":1: 3 segments expected, 1 found"},
        BadHeader{"TooManySegments", "r/1 2 360\na 4\nb 4\n",
                  ":3: more segments than the 1 that the record line states"},
        BadHeader{"NoSegments", "r/0 2 360\n", ":1: number of segments is 0, expected 1 or more"},
        BadHeader{"HugeSegments", "r/2147483648 2 360\na 4\n", ":1: 2147483648 segments expected, 1 found"},
        BadHeader{"SegmentLengths", "r/2 2 360 9\na 4\n~ 4\n", ":1: 9 samples expected, the segments have 8"},
        BadHeader{"OverflowingSegments", "r/2 2 360\na 9223372036854775807\nb 1\n",
                  ":1: the segments have too many samples to count"},
        BadHeader{"NegativeSegment", "r/1 2 360\na -4\n", ":2: number of samples is -4, expected 0 or more"},
        BadHeader{"SegmentWithoutLength", "r/1 2 360\na\n", ":2: number of samples is '', expected a number"},
        BadHeader{"SegmentPath", "r/1 2 360\n../a 4\n",
                  ":2: '../a' is not the name of a record in the header's folder"},
        BadHeader{"SegmentRest", "r/1 2 360\na 4 5\n", ":2: unexpected '5' after the number of samples"},
        BadHeader{"NoCount", "r\n", ":1: the number of signals is missing"},
        BadHeader{"BadName", "a*b 1\n", ":1: 'a*b' is not a record name"},
        BadHeader{"NegativeCount", "r -1\n", ":1: number of signals is '-1', expected a number"},
        BadHeader{"HugeCount", "r 2147483648 360\nr.dat 16\n", ":1: 2147483648 signals expected, 1 found"},
        BadHeader{"OverflowingCount", "r 99999999999999999999\n",
                  ":1: number of signals is '99999999999999999999', expected a number within range"},
        BadHeader{"TooFew", "r 2 360\nr.dat 16\n# c\n", ":1: 2 signals expected, 1 found"},
        BadHeader{"TooMany", "r 1 360\nr.dat 16\nr.dat 16\n",
                  ":3: more signals than the 1 that the record line states"},
        BadHeader{"ZeroRate", "r 1 0\nr.dat 16\n", ":1: a sampling rate of 0 Hz, expected one between 1e-06"},
        BadHeader{"NegativeRate", "r 1 -360\n", ":1: a sampling rate of -360 Hz, expected one between"},
        BadHeader{"HugeRate", "r 1 1e308\n", ":1: a sampling rate of 1e+308 Hz, expected one between"},
        BadHeader{"HugeRatePerFrame", "r 1 1e6\nr.dat 16x20\n",
                  ":2: 20 samples in each frame: a sampling rate of 20000000 Hz, expected one between"},
        BadHeader{"InfiniteRate", "r 1 inf\n", ":1: sampling rate is 'inf', expected a finite number"},
        BadHeader{"OpenBracket", "r 1 360/1(4\n",
                  ":1: sampling rate is '360/1(4', expected a closing bracket"},
        BadHeader{"NegativeSamples", "r 1 360 -5\n", ":1: number of samples is -5, expected 0 or more"},
        BadHeader{"BadTime", "r 1 360 5 noon\n", ":1: base time is 'noon', expected HH:MM:SS"},
        BadHeader{"BadDate", "r 1 360 5 1:00 May\n", ":1: base date is 'May', expected DD/MM/YYYY"},
        BadHeader{"NoFormat", "r 1\nr.dat\n", ":2: format is '', expected a number"},
        BadHeader{"BadFormat", "r 1\nr.dat 16q\n",
                  ":2: format is '16q', expected FORMATxSAMPLES:SKEW+OFFSET"},
        BadHeader{"ZeroPerFrame", "r 1\nr.dat 16x0\n", ":2: samples per frame is 0, expected 1 or more"},
        BadHeader{"NegativeSkew", "r 1\nr.dat 16:-1\n", ":2: skew is -1, expected 0 or more"},
        BadHeader{"NegativeOffset", "r 1\nr.dat 16+-1\n", ":2: byte offset is -1, expected 0 or more"},
        BadHeader{"BadGain", "r 1\nr.dat 16 abc\n", ":2: gain is 'abc', expected a number"},
        BadHeader{"NanGain", "r 1\nr.dat 16 nan\n", ":2: gain is 'nan', expected a finite number"},
        BadHeader{"TinyGain", "r 1\nr.dat 16 1e-300\n",
                  ":2: gain is 1e-300, expected a magnitude of 1e-25 to 1e+25 adu per unit"},
        BadHeader{"HugeGain", "r 1\nr.dat 16 -1e300/nV\n",
                  ":2: gain is -1e+300, expected a magnitude of 1e-25 to 1e+25"},
        BadHeader{"BadChecksum", "r 1\nr.dat 16 200 11 0 0 zero\n",
                  ":2: checksum is 'zero', expected a number"},
        BadHeader{"Traversal", "r 1\n../../etc/passwd 16\n",
                  ":2: '../../etc/passwd' is not the name of a file in the header's folder"},
        BadHeader{"Absolute", "r 1\n/etc/passwd 16\n",
                  ":2: '/etc/passwd' is not the name of a file in the header's folder"},
        BadHeader{"Up", "r 1\n.. 16\n", ":2: '..' is not the name of a file in the header's folder"},
        BadHeader{"StandardInput", "r 1\n- 16\n",
                  ":2: '-' is not the name of a file in the header's folder"}),
    [](const auto& test) { return test.param.name; });

// Signal lines take more memory than their bytes in the file.
TEST(WfdbHeader, RefusesSignalsWithoutEnd) {
  std::string text = "r 70000\n";
  for (int i = 0; i < 70'000; ++i) {
    text += "~ 0\n";
  }
  expect_error([&] { parse_wfdb_header(text, "r.hea"); }, "r.hea:65538: more than 65536 signals");
}

TEST(Recording, LeadsAreFoundByName) {
  Recording recording;
  recording.name = "100";
  recording.leads = {{"MLII", "mV"}, {"V5", "mV"}};
  EXPECT_EQ(lead_index(recording, "V5"), 1U);
  expect_error([&] { lead_index(recording, "V1"); }, "100: no lead 'V1'; its leads: MLII, V5");
  expect_error([] { lead_index({}, "V1"); }, "no lead 'V1'; its leads: none");
}

}  // namespace
}  // namespace sec::io
