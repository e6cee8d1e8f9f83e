#include "io/wfdb/reader.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "io/wfdb/signal.h"
#include "tests/io/crc32.h"
#include "tests/io/files.h"
#include "tests/io/windows.h"

namespace sec::io {
namespace {

using Digital = Leads<std::int32_t>;

// Checksums of every sample record as read by Python's wfdb; this test reads the records window by window.
struct Golden {
  const char* record;
  std::size_t lead;
  std::int64_t samples;
  std::uint32_t digital;  // 0: wfdb has no digital samples
  std::uint32_t physical;
  float some[3];  // the first, the middle and the last sample
};

constexpr float no = std::numeric_limits<float>::quiet_NaN();
constexpr Golden golden[] = {
#include "tests/io/wfdb/golden_wfdb.inc"
};

template <typename T>
std::string bytes_of(const std::vector<T>& values) {
  std::string bytes;
  for (const T value : values) {
    auto bits = std::bit_cast<std::uint32_t>(value);
    if constexpr (std::is_same_v<T, float>) {
      bits = std::isnan(value) ? 0x7fc00000U : bits;
    }
    for (const int shift : {0, 8, 16, 24}) {
      bytes += static_cast<char>(bits >> shift & 0xffU);
    }
  }
  return bytes;
}

TEST(WfdbReader, SampleRecordsReadAsWithWfdb) {
  const auto folder = real_data("wfdb-samples");
  if (!folder) {
    GTEST_SKIP() << "SEC_DATA names no folder with wfdb-samples";
  }
  std::unique_ptr<RecordingReader> reader;
  Leads<float> physical;
  Digital digital;
  for (const Golden& expected : golden) {
    if (expected.lead == 0) {
      reader = open_wfdb(*folder / expected.record);
      reader->verify();
      physical = in_steps<float>(*reader, 7001);
      digital = expected.digital == 0 ? Digital() : in_steps<std::int32_t>(*reader, 7001);
    }
    const std::vector<float>& lead = physical.at(expected.lead);
    ASSERT_EQ(std::ssize(lead), expected.samples) << expected.record;
    for (std::size_t i = 0; i < 3; ++i) {
      const float found = lead[std::min(i * (lead.size() / 2), lead.size() - 1)];
      EXPECT_TRUE(found == expected.some[i] || (std::isnan(found) && std::isnan(expected.some[i])))
          << expected.record << " lead " << expected.lead << ": " << found;
    }
    EXPECT_EQ(crc32(bytes_of(lead)), expected.physical) << expected.record << " lead " << expected.lead;
    if (expected.digital != 0) {
      EXPECT_EQ(crc32(bytes_of(digital[expected.lead])), expected.digital)
          << expected.record << " lead " << expected.lead;
    }
  }
  expect_error([&] { open_wfdb(*folder / "multi-segment/p000878/p000878-2137-10-26-16-57"); },
               "p000878-2137-10-26-16-57.hea: segment 3269321_0003 is missing: there is no ");
  expect_error([&] { open_wfdb(*folder / "multi-segment/s00001/s00001-2896-10-10-00-31.hea"); },
               "s00001-2896-10-10-00-31.hea: segment 3975656_0005 is missing: there is no ");
}

// A second implementation of the formats: a minimal encoder, written from their description.
// It puts each bit of a sample, lowest first, at its bit position in the file.
struct Format {
  int number;
  int bits;
  int pack_samples;
  int pack_bytes;
  // The bit of a pack that holds bit `bit` of sample `i`.
  int (*place)(int i, int bit);
  std::int64_t excess;  // an offset added to a sample before encoding
};

constexpr Format formats[] = {
    {8, 8, 1, 1, [](int, int bit) { return bit; }, 0},
    {16, 16, 1, 2, [](int, int bit) { return bit; }, 0},
    {24, 24, 1, 3, [](int, int bit) { return bit; }, 0},
    {32, 32, 1, 4, [](int, int bit) { return bit; }, 0},
    {61, 16, 1, 2, [](int, int bit) { return (bit + 8) % 16; }, 0},
    {80, 8, 1, 1, [](int, int bit) { return bit; }, 128},
    {160, 16, 1, 2, [](int, int bit) { return bit; }, 32768},
    {212, 12, 2, 3, [](int i, int bit) { return i == 0    ? bit
                                                : bit < 8 ? 16 + bit
                                                          : 12 + bit - 8; }, 0},
    {310, 10, 3, 4,
     [](int i, int bit) { return i < 2     ? 16 * i + 1 + bit
                                 : bit < 5 ? 11 + bit
                                           : 27 + bit - 5; }, 0},
    {311, 10, 3, 4, [](int i, int bit) { return 10 * i + bit; }, 0},
};

std::string encoded(const Format& format, const std::vector<std::int64_t>& samples) {
  const auto packs = static_cast<int>(samples.size()) / format.pack_samples + 1;
  std::string bytes(static_cast<std::size_t>(packs * format.pack_bytes), '\0');
  std::size_t used = 0;
  for (int i = 0; i < std::ssize(samples); ++i) {
    const std::int64_t value = samples[i] + format.excess;
    for (int bit = 0; bit < format.bits; ++bit) {
      const int at =
          i / format.pack_samples * format.pack_bytes * 8 + format.place(i % format.pack_samples, bit);
      bytes[at / 8] = static_cast<char>(bytes[at / 8] | ((value >> bit & 1) << at % 8));
      used = std::max<std::size_t>(used, at / 8 + 1);
    }
  }
  bytes.resize(used);
  return bytes;
}

class WfdbFormat : public testing::TestWithParam<Format> {};

// Two signals with three samples and one sample per frame, the second skewed, after 5 unrelated bytes.
// The samples include the lowest, the highest and invalid numbers.
TEST_P(WfdbFormat, WindowsOfAnyPlaceAndSize) {
  const Format& format = GetParam();
  constexpr std::int64_t frames = 23;
  constexpr std::int64_t skew = 2;
  const std::int64_t top = (std::int64_t{1} << (format.bits - 1)) - 1;
  std::vector<std::int64_t> flat;
  Digital wanted(2);
  wanted[1].resize(frames, invalid_sample);
  std::int64_t sums[2] = {100, -100};  // format 8 starts from the initial values
  std::int64_t draw = 1;
  for (std::int64_t f = 0; f < frames; ++f) {
    for (int k = 0; k < 4; ++k) {
      draw = draw * 1'103'515'245 % 2'147'483'647 + 12'345;
      const std::int64_t value = f == 4   ? top
                                 : f == 5 ? -top
                                 : f == 7 ? -top - 1
                                          : draw % (2 * top + 1) - top;
      flat.push_back(value);
      sums[k / 3] += value;
      const std::int64_t sample = format.number == 8 ? sums[k / 3] : value;
      const auto expected =
          value < -top && format.number != 8 ? invalid_sample : static_cast<std::int32_t>(sample);
      if (k < 3) {
        wanted[0].push_back(expected);
      } else if (f >= skew) {
        wanted[1][f - skew] = expected;
      }
    }
  }
  const TemporaryFolder folder;
  folder.write("r.dat", "12345" + encoded(format, flat));
  folder.write("r.hea",
               fmt::format("r 2 100\nr.dat {0}x3+5 -4(7)/mV 12 0 100\nr.dat {0}:{1}+5 200 12 0 -100\n",
                           format.number, skew));
  const auto reader = open_wfdb(folder / "r");
  ASSERT_EQ(reader->info().samples, frames);
  for (std::int64_t begin = 0; begin <= frames; ++begin) {
    for (std::int64_t count = 0; count <= frames - begin; ++count) {
      ASSERT_EQ(window<std::int32_t>(*reader, begin, count), part_of(wanted, reader->info(), begin, count))
          << begin << " and " << count;
    }
  }
  const Leads<float> physical = window<float>(*reader, 0, frames);
  for (std::size_t i = 0; i < wanted[0].size(); ++i) {
    if (wanted[0][i] == invalid_sample) {
      EXPECT_TRUE(std::isnan(physical[0][i])) << i;
    } else {
      EXPECT_FLOAT_EQ(physical[0][i], static_cast<float>((wanted[0][i] - 7.0) / -4)) << i;
    }
  }
  // The header promises one pack more than the file holds.
  const std::int64_t more = std::ssize(flat) + format.pack_samples;
  folder.write("r.hea", fmt::format("r 1 100 {}\nr.dat {}+5\n", more, format.number));
  expect_error([&] { open_wfdb(folder / "r"); },
               fmt::format("r.dat: truncated: {} samples per signal expected", more));
}

INSTANTIATE_TEST_SUITE_P(All, WfdbFormat, testing::ValuesIn(formats),
                         [](const auto& test) { return std::to_string(test.param.number); });

// Reads far into a file of differences, forwards and backwards, to check the sums stored along the way.
TEST(WfdbReader, FormatEightAddsUpFromAnywhere) {
  const TemporaryFolder folder;
  std::string bytes;
  Digital wanted(2);
  std::int32_t sums[2] = {5, -5};
  for (int i = 0; i < 150'000; ++i) {
    for (int s = 0; s < 2; ++s) {
      bytes += static_cast<char>((i * 37 + s * 91) % 251 - 125);
      sums[s] += static_cast<signed char>(bytes.back());
      wanted[s].push_back(sums[s]);
    }
  }
  folder.write("r.dat", bytes);
  folder.write("r.hea", "r 2 100 150000\nr.dat 8 200 12 0 5\nr.dat 8 200 12 0 -5\n");
  const auto reader = open_wfdb(folder / "r");
  for (const std::int64_t begin : {149'000, 40'000, 0, 100'000, 32'768, 98'303, 149'999}) {
    const std::int64_t count = std::min<std::int64_t>(50'000, 150'000 - begin);
    EXPECT_EQ(window<std::int32_t>(*reader, begin, count), part_of(wanted, reader->info(), begin, count))
        << begin;
  }
}

TEST(WfdbReader, VerifiesFramesSkewAndInvalidBeginnings) {
  const TemporaryFolder folder;
  // Two frames of three samples: (1, 2, invalid) and (3, 4, 5).
  folder.write("r.dat", std::string("\1\0\2\0\0\x80\3\0\4\0\5\0", 12));
  const auto verify = [&](const std::string& lines) {
    folder.write("r.hea", "r 2 100\n" + lines);
    open_wfdb(folder / "r")->verify();
  };
  verify("r.dat 16x2 200 12 0 1 10\nr.dat 16:1 200 12 0 0 32773\n");
  verify("r.dat 16x2\nr.dat 16\n");
  expect_error([&] { verify("r.dat 16x2 200 12 0 1 11 0 II\nr.dat 16\n"); },
               "r.dat: signal 0 (II): checksum of the samples is 10, the header says 11");
  expect_error([&] { verify("r.dat 16x2\nr.dat 16:1 200 12 0 0 5\n"); },
               "r.dat: signal 1 (): checksum of the samples is -32763, the header says 5");
  expect_error([&] { verify("r.dat 16x2 200 12 0 2\nr.dat 16\n"); },
               "r.dat: signal 0 (): first sample is 1, the header says 2");
}

TEST(WfdbReader, MissingLengthsAndFiles) {
  const TemporaryFolder folder;
  folder.write("r.hea", "r 2 100\na.dat 16\nb.dat 16\n");
  folder.write("a.dat", "");
  folder.write("b.dat", "1234");
  EXPECT_EQ(open_wfdb(folder / "r")->info().samples, 0);
  folder.write("a.dat", "12");
  EXPECT_EQ(open_wfdb(folder / "r")->info().samples, 1);
  folder.write("r.hea", "r 1 100\nc.dat 16\n");
  expect_error([&] { open_wfdb(folder / "r"); }, "c.dat: cannot open: No such file or directory");
  std::filesystem::create_directory(folder / "c.dat");
  expect_error([&] { open_wfdb(folder / "r"); }, "c.dat: expected a regular file");
  expect_error([&] { open_wfdb(folder / "s"); }, "s.hea: cannot open: No such file or directory");
  folder.write("r.hea", "r 1 100\n" + std::string(300, 'a') + " 16\n");
  expect_error([&] { open_wfdb(folder / "r"); }, "aaa: cannot open: File name too long");
  folder.write("r.hea", "r/1 1 100\n" + std::string(300, 'a') + " 16\n");
  expect_error([&] { open_wfdb(folder / "r"); }, " is missing: there is no ");
  folder.write("r.hea", "r 1 100\na.dat 9\n");
  expect_error([&] { open_wfdb(folder / "r"); }, "a.dat: format 9 is not a WFDB signal format");
  // A signal without samples needs no file, and its promised length takes no memory.
  folder.write("r.hea", "r 1 100 4611686018427387904\n~ 0 200 12 0 0 0 0 II\n");
  const auto reader = open_wfdb(folder / "r");
  EXPECT_EQ(window<std::int32_t>(*reader, INT64_C(4611686018427387902), 2)[0],
            (std::vector<std::int32_t>(2, invalid_sample)));
  folder.write("r.hea", "r 1 100 4611686018427387904\n~ 0x2\n");
  expect_error([&] { open_wfdb(folder / "r"); },
               "4611686018427387904 frames of 2 samples are too many to count");
}

}  // namespace
}  // namespace sec::io
