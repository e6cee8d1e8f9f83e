// Multi-segment records with fixed and variable layout.
#include <gtest/gtest.h>

#include "io/wfdb/reader.h"
#include "tests/io/files.h"
#include "tests/io/windows.h"

namespace sec::io {
namespace {

using Digital = Leads<std::int32_t>;
constexpr std::int32_t none = invalid_sample;

// Encodes samples in format 16, little-endian.
std::string sixteen(const std::vector<int>& samples) {
  std::string bytes;
  for (const int sample : samples) {
    bytes += static_cast<char>(sample & 0xff);
    bytes += static_cast<char>(sample >> 8 & 0xff);
  }
  return bytes;
}

// Segment a: leads I and II, three frames, II with two samples per frame. Segment b: lead I only, two frames.
class WfdbSegments : public testing::Test {
 protected:
  WfdbSegments() {
    folder_.write("a.hea", "a 2 100 3\na.dat 16 200 12 0 1 9 0 I\na.dat 16x2 200 12 0 10 126 0 II\n");
    folder_.write("a.dat", sixteen({1, 10, 11, 3, 20, 21, 5, 31, 33}));
    folder_.write("b.hea", "b 1 100 2\nb.dat 16 200 12 0 7 15 0 I\n");
    folder_.write("b.dat", sixteen({7, 8}));
    folder_.write("l.hea",
                  "l 3 100 0\n~ 0x2 50/mV 12 0 0 0 0 II\n~ 0 50/mV 12 0 0 0 0 V\n~ 0 50/mV 12 0 0 0 0 I\n");
  }

  std::unique_ptr<RecordingReader> open(const std::string& header) const {
    folder_.write("r.hea", header);
    return open_wfdb(folder_ / "r");
  }
  void refuse(const std::string& header, const std::string& message) const {
    expect_error([&] { open(header); }, message);
  }

  TemporaryFolder folder_;
};

TEST_F(WfdbSegments, FixedLayout) {
  const auto reader = open("r/3 2 100 8 1:02:03\r\na 3\r\n~ 2\r\na 3\r\n# both\r\n");
  EXPECT_EQ(reader->info().samples, 8);
  EXPECT_EQ(reader->info().start_time, "1:02:03");
  EXPECT_EQ(reader->info().comments, (std::vector<std::string>{"both"}));
  EXPECT_EQ(reader->info().leads[1].name, "II");
  const Digital wanted = {{1, 3, 5, none, none, 1, 3, 5},
                          {10, 11, 20, 21, 31, 33, none, none, none, none, 10, 11, 20, 21, 31, 33}};
  for (std::int64_t begin = 0; begin <= 8; ++begin) {
    for (std::int64_t count = 0; count <= 8 - begin; ++count) {
      ASSERT_EQ(window<std::int32_t>(*reader, begin, count), part_of(wanted, reader->info(), begin, count))
          << begin << " and " << count;
    }
  }
  reader->verify();
  const Leads<float> physical = window<float>(*reader, 2, 2);
  EXPECT_FLOAT_EQ(physical[0][0], 0.025F);
  EXPECT_TRUE(std::isnan(physical[0][1]) && std::isnan(physical[1][3]));
  expect_error([&] { window<float>(*reader, 7, 2); }, "window at sample 7, length 2, exceeds its 8 samples");
}

TEST_F(WfdbSegments, VariableLayout) {
  const auto reader = open("r/5 3 100\nl 0\nb 2\n~ 1\na 3\nb 1\n");
  EXPECT_EQ(reader->info().samples_per_frame, (std::vector<int>{2, 1, 1}));
  EXPECT_EQ(reader->info().leads[2].gain, 200);  // the gain of the segments, not of the layout
  EXPECT_EQ(reader->info().leads[1].gain, 50);   // no segment has lead V
  const Digital wanted = {{none, none, none, none, none, none, 10, 11, 20, 21, 31, 33, none, none},
                          std::vector<std::int32_t>(7, none),
                          {7, 8, none, 1, 3, 5, 7}};
  for (std::int64_t begin = 0; begin <= 7; ++begin) {
    for (std::int64_t count = 0; count <= 7 - begin; ++count) {
      ASSERT_EQ(window<std::int32_t>(*reader, begin, count), part_of(wanted, reader->info(), begin, count))
          << begin << " and " << count;
    }
  }
  // Leads that are not requested are not read.
  Digital one(3);
  one[2].resize(4);
  read_into(*reader, 0, 4, one);
  EXPECT_EQ(one, (Digital{{}, {}, {7, 8, none, 1}}));
}

// A lead whose scaling differs between segments has only physical samples.
TEST_F(WfdbSegments, SegmentsMayScaleOtherwise) {
  folder_.write("b.hea", "b 1 100 2\nb.dat 16 100(1)/mV 12 0 7 15 0 I\n");
  const auto reader = open("r/3 3 100\nl 0\nb 2\na 3\n");
  Leads<float> physical(3);
  physical[2].resize(5);
  read_into(*reader, 0, 5, physical);
  EXPECT_EQ(physical[2], (std::vector<float>{0.06F, 0.07F, 0.005F, 0.015F, 0.025F}));
  EXPECT_EQ(reader->info().leads[2].gain, 50);  // the layout's gain
  expect_error(
      [&] { window<std::int32_t>(*reader, 0, 5); },
      "r: lead I has different gains or baselines in its segments; its samples can be read only in mV");
  Digital rest(3);
  rest[0].resize(10);
  read_into(*reader, 0, 5, rest);  // lead II has the same scaling in all segments
  EXPECT_EQ(rest[0][4], 10);
}

TEST_F(WfdbSegments, OneLineSaysWhatDoesNotFit) {
  refuse("r/1 2 100\nr 3\n", "r.hea: segment r is itself a multi-segment record");
  folder_.write("n.hea", "n/1 2 100\na 3\n");
  refuse("r/2 2 100\na 3\nn 3\n", "r.hea: segment n is itself a multi-segment record");
  refuse("r/2 3 100\nn 0\na 3\n", "r.hea: segment n is itself a multi-segment record");
  refuse("r/1 2 100\nc 3\n", "r.hea: segment c is missing: there is no ");
  refuse("r/1 2 100\na 4\n", "r.hea: 4 samples of segment a expected, it has 3");
  refuse("r/1 2 250\na 3\n", "r.hea: 250 Hz, but segment a has 100 Hz");
  refuse("r/1 4 100\na 3\n", "r.hea: 4 signals expected, segment a has 2");
  refuse("r/2 2 100\na 3\nb 2\n", "r.hea: segment b has 1 signals, the previous segment has 2");
  refuse("r/2 2 100\nl 0\na 3\n", "r.hea: 2 signals expected, the layout l has 3");
  refuse("r/1 2 100\n~ 3\n", "r.hea: no segment defines the signals");
  refuse("r/1 9223372036854775807 100\n~ 3\n", "r.hea: no segment defines the signals");
  refuse("r/3 3 100\nl 0\n~ 9223372036854775800\na 3\n", "frames of 2 samples are too many to count");
  folder_.write("b.hea", "b 1 100 2\nb.dat 16 200 12 0 7 15 0 aVF\n");
  refuse("r/2 3 100\nl 0\nb 2\n", "r.hea: segment b has a signal 'aVF' that the layout lacks");
  folder_.write("b.hea", "b 1 100 2\nb.dat 16 200/mmHg 12 0 7 15 0 I\n");
  refuse("r/2 3 100\nl 0\nb 2\n",
         "r.hea: segment b: signal 0 is I in mmHg, 1 per frame; expected I in mV, 1 per frame");
  std::filesystem::remove(folder_ / "a.dat");
  refuse("r/1 2 100\na 3\n", "a.dat: cannot open: No such file or directory");
}

// A damaged segment is found by verify() and by windows that need it.
TEST_F(WfdbSegments, DamageIsFound) {
  const auto reader = open("r/3 3 100\nl 0\nb 2\na 3\n");
  folder_.write("a.dat", sixteen({1, 10, 11, 3, 20, 21, 5, 31, 34}));
  expect_error([&] { reader->verify(); },
               "a.dat: signal 1 (II): checksum of the samples is 127, the header says 126");
  folder_.write("a.dat", sixteen({1, 10, 11, 3, 20, 21}));
  window<float>(*reader, 0, 2);
  expect_error([&] { window<float>(*reader, 0, 5); },
               "a.dat: truncated: 3 samples per signal expected, 2 found");
}

}  // namespace
}  // namespace sec::io
