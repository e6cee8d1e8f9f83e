// FLAC formats 508, 516 and 524, encoded by libFLAC.
#include <FLAC/stream_encoder.h>
#include <gtest/gtest.h>

#include "io/wfdb/reader.h"
#include "tests/io/files.h"
#include "tests/io/windows.h"

namespace sec::io {
namespace {

using Digital = Leads<std::int32_t>;

// Encodes [channel][sample] as a FLAC stream with small blocks.
std::string flac(const Digital& channels, unsigned bits) {
  std::string bytes;
  FLAC__StreamEncoder* encoder = FLAC__stream_encoder_new();
  FLAC__stream_encoder_set_channels(encoder, static_cast<unsigned>(channels.size()));
  FLAC__stream_encoder_set_bits_per_sample(encoder, bits);
  FLAC__stream_encoder_set_sample_rate(encoder, 96'000);
  FLAC__stream_encoder_set_blocksize(encoder, 64);
  FLAC__stream_encoder_set_streamable_subset(encoder, 0);
  FLAC__stream_encoder_set_total_samples_estimate(encoder, channels.front().size());
  const auto write = [](const FLAC__StreamEncoder*, const FLAC__byte* buffer, std::size_t count, unsigned,
                        unsigned, void* to) {
    static_cast<std::string*>(to)->append(reinterpret_cast<const char*>(buffer), count);
    return FLAC__STREAM_ENCODER_WRITE_STATUS_OK;
  };
  EXPECT_EQ(FLAC__stream_encoder_init_stream(encoder, write, nullptr, nullptr, nullptr, &bytes),
            FLAC__STREAM_ENCODER_INIT_STATUS_OK);
  std::vector<const FLAC__int32*> pointers;
  for (const auto& channel : channels) {
    pointers.push_back(channel.data());
  }
  EXPECT_TRUE(
      FLAC__stream_encoder_process(encoder, pointers.data(), static_cast<unsigned>(channels.front().size())));
  EXPECT_TRUE(FLAC__stream_encoder_finish(encoder));
  FLAC__stream_encoder_delete(encoder);
  return bytes;
}

// The offset in the stream of STREAMINFO's lower 32 bits of the number of samples.
constexpr std::size_t total_at = 4 + 4 + 14;

Digital channels_of(int count, std::int64_t samples, unsigned bits) {
  Digital channels(static_cast<std::size_t>(count));
  std::int64_t draw = 1;
  const std::int64_t top = (std::int64_t{1} << (bits - 1)) - 1;
  for (auto& channel : channels) {
    for (std::int64_t i = 0; i < samples; ++i) {
      draw = draw * 1'103'515'245 % 2'147'483'647 + 12'345;
      channel.push_back(static_cast<std::int32_t>(draw % (2 * top + 1) - top));
    }
    channel[5] = static_cast<std::int32_t>(-top - 1);
  }
  return channels;
}

class WfdbFlac : public testing::TestWithParam<int> {};

// Three signals with two samples per frame, after 7 unrelated bytes. Reads windows in both directions.
TEST_P(WfdbFlac, WindowsOfAnyPlace) {
  const unsigned bits = static_cast<unsigned>(GetParam()) - 500;
  const Digital channels = channels_of(3, 1000, bits);
  const std::string stream = flac(channels, bits);
  Digital wanted = channels;
  for (auto& lead : wanted) {
    lead[5] = invalid_sample;
  }
  const TemporaryFolder folder;
  const std::string line = fmt::format("r.dat {}x2+7 200 16 0\n", GetParam());
  folder.write("r.hea", "r 3 100\n" + line + line + line);
  // A stream may or may not state its length.
  std::string silent = stream;
  silent.replace(total_at, 4, 4, '\0');
  for (const std::string& content : {stream, silent}) {
    folder.write("r.dat", "1234567" + content);
    const auto reader = open_wfdb(folder / "r");
    ASSERT_EQ(reader->info().samples, 500);
    for (const std::int64_t begin : {499, 450, 451, 30, 32, 64, 0, 100, 96, 3, 250}) {
      for (const std::int64_t count : {1, 31, 33, 250}) {
        const std::int64_t there = std::min(count, 500 - begin);
        ASSERT_EQ(window<std::int32_t>(*reader, begin, there), part_of(wanted, reader->info(), begin, there))
            << begin << " and " << count;
      }
    }
    reader->verify();
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, WfdbFlac, testing::Values(508, 516, 524));

TEST(WfdbFlac, OneLineSaysWhatIsWrong) {
  const TemporaryFolder folder;
  const std::string stream = flac(channels_of(2, 300, 16), 16);
  const auto refuse = [&](const std::string& lines, const std::string& content, const std::string& message) {
    folder.write("r.hea", lines);
    folder.write("r.dat", content);
    expect_error([&] { open_wfdb(folder / "r")->verify(); }, message);
  };
  const std::string two = "r 2 100 300\nr.dat 516\nr.dat 516\n";
  refuse(two, "", "r.dat: byte 0: expected a FLAC stream");
  refuse(two, std::string(500, 'x'), "r.dat: byte 0: expected a FLAC stream");
  refuse("r 1 100\nr.dat 516\n", stream, "r.dat: 2 FLAC channels, but the header lists 1 signals");
  refuse("r 2 100\nr.dat 508\nr.dat 508\n", stream,
         "r.dat: FLAC samples of 16 bits, format 508 has at most 8");
  refuse("r 2 100\nr.dat 516x2\nr.dat 516\n", stream,
         "r.dat: the signals of a FLAC file need the same number");
  refuse("r 2 100 301\nr.dat 516\nr.dat 516\n", stream,
         "r.dat: truncated: 301 samples per signal expected, 300 found");
  refuse("r 2 100\nr.dat 516+99999\nr.dat 516+99999\n", stream, "bytes, but its samples begin at byte 99999");
  std::string promising = stream;
  promising.replace(total_at, 4, "\x7f\xff\xff\xff");
  refuse("r 2 100\nr.dat 516\nr.dat 516\n", promising, "r.dat: ");
}

// If the stream is cut off or a byte is changed, the stream must read unchanged or be rejected.
// Changed samples are never returned, because each block has a checksum.
TEST(WfdbFlac, DamagedAnywhere) {
  const TemporaryFolder folder;
  const Digital channels = channels_of(2, 150, 16);
  const std::string stream = flac(channels, 16);
  Digital wanted = channels;
  wanted[0][5] = wanted[1][5] = invalid_sample;
  folder.write("r.hea", "r 2 100 150\nr.dat 516\nr.dat 516\n");
  const auto reads = [&](const std::string& content) {
    folder.write("r.dat", content);
    try {
      const auto reader = open_wfdb(folder / "r");
      EXPECT_EQ(window<std::int32_t>(*reader, 70, 80), part_of(wanted, reader->info(), 70, 80));
      EXPECT_EQ(window<std::int32_t>(*reader, 0, 150), wanted);
      return true;
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      return false;
    }
  };
  EXPECT_TRUE(reads(stream));
  for (std::size_t size = 0; size < stream.size(); ++size) {
    EXPECT_FALSE(reads(stream.substr(0, size))) << size;
  }
  const std::size_t first_block = stream.find("\xff\xf8");
  for (std::size_t at = 4; at < stream.size(); ++at) {
    std::string changed = stream;
    changed[at] = static_cast<char>(changed[at] ^ 1 << at % 8);
    const bool read = reads(changed);
    EXPECT_TRUE(!read || at < first_block) << at;
  }
}

}  // namespace
}  // namespace sec::io
