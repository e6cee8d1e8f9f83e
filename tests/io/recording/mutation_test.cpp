// Applies thousands of random changes to valid files.
// Each damaged file must either read or throw Error with a one-line message.
// The sanitizers check for accesses out of bounds. A reader would fail with std::bad_alloc if it allocated
// memory by a number in the file instead of the file's size.
#include <gtest/gtest.h>

#include "engine/philox.h"
#include "io/databases/open_recording.h"
#include "io/models/safetensors.h"
#include "io/wfdb/annotation.h"
#include "io/wfdb/header.h"
#include "io/wfdb/reader.h"
#include "io/wfdb/signal.h"
#include "tests/io/files.h"
#include "tests/io/windows.h"

namespace sec::io {
namespace {

constexpr std::uint32_t trials = 2000;

std::string damaged(std::string bytes, std::uint32_t trial) {
  const RandomKey key{7, trial, 0};
  std::uint64_t draw = 0;
  const auto below = [&](std::size_t limit) {
    return random_word(key, draw++) % std::max<std::size_t>(limit, 1);
  };
  for (std::size_t change = below(4) + 1; change-- > 0 && !bytes.empty();) {
    const std::size_t at = below(bytes.size());
    switch (below(6)) {
      case 0:
        bytes[at] = static_cast<char>(below(256));
        break;
      case 1:
        bytes.erase(at, below(8));
        break;
      case 2:
        bytes.insert(at, bytes.substr(below(bytes.size()), below(8)));
        break;
      case 3:
        bytes.resize(at);
        break;
      case 4:
        bytes.insert(at, std::string(below(20), '9'));
        break;
      default:
        bytes.insert(at, 1, "-+/(): \n\r\0\xff.e"[below(13)]);
        break;
    }
  }
  return bytes;
}

// Returns the number of damaged texts that were read without an error.
int survive(const std::string& sound, const std::function<void(const std::string&)>& read) {
  int read_well = 0;
  for (std::uint32_t trial = 0; trial < trials; ++trial) {
    const std::string bytes = damaged(sound, trial);
    try {
      read(bytes);
      ++read_well;
    } catch (const Error& error) {
      EXPECT_FALSE(std::string(error.what()).empty());
    }
  }
  return read_well;
}

void expect_both(int read_well) {
  EXPECT_GT(read_well, 0);
  EXPECT_LT(read_well, static_cast<int>(trials));
}

TEST(Mutation, Headers) {
  expect_both(
      survive("# c\r\nr 2 360/1(5) 4 1:00:00 1/2/2000\r\nr.dat 16+0 200.5(-3)/mV 11 1024 257 1028 0 MLII\r\n"
              "r.dat 16 200 11 0 257 1028 0 V1\r\n",
              [](const std::string& text) { parse_wfdb_header(text, "r.hea"); }));
}

TEST(Mutation, Records) {
  const TemporaryFolder folder;
  folder.write("r.dat", std::string(16, '\1'));
  expect_both(
      survive("r 2 360 4\nr.dat 16 200 11 0\nr.dat 16:1 -200 11 1024\n", [&](const std::string& text) {
        folder.write("r.hea", text);
        read_record(folder.path(), "r");
      }));
}

// Reads windows of the length that the reader reports: all of them if the recording is short.
void read_windows(const std::filesystem::path& record) {
  const auto reader = open_wfdb(record);
  const ReaderInfo& info = reader->info();
  for (const std::int64_t begin : {std::int64_t{0}, info.samples / 2, info.samples}) {
    const std::int64_t count = std::min<std::int64_t>(info.samples - begin, 4);
    window<float>(*reader, begin, count);
    window<std::int32_t>(*reader, begin, count);
  }
  if (info.samples < 10'000) {
    reader->verify();
  }
}

TEST(Mutation, RecordsInWindows) {
  const TemporaryFolder folder;
  folder.write("r.dat", std::string(16, '\1'));
  expect_both(
      survive("r 2 360 2\nr.dat 212x2 200 11 0\nr.dat 212:1 -200 11 1024\n", [&](const std::string& text) {
        folder.write("r.hea", text);
        read_windows(folder / "r");
      }));
}

TEST(Mutation, RecordsInSegments) {
  const TemporaryFolder folder;
  folder.write("a.dat", std::string(16, '\1'));
  folder.write("a.hea", "a 2 360 4\na.dat 16 200 11 0 257 1028 0 II\na.dat 16 200 11 0 257 1028 0 V\n");
  folder.write("l.hea", "l 2 360 0\n~ 0 200 11 0 0 0 0 V\n~ 0 200 11 0 0 0 0 II\n");
  expect_both(survive("r/4 2 360 11\nl 0\na 4\n~ 3\na 4\n", [&](const std::string& text) {
    folder.write("r.hea", text);
    read_windows(folder / "r");
  }));
  folder.write("r.hea", "r/4 2 360 11\nl 0\na 4\n~ 3\na 4\n");
  expect_both(
      survive("l 2 360 0\n~ 0 200 11 0 0 0 0 V\n~ 0 200 11 0 0 0 0 II\n", [&](const std::string& text) {
        folder.write("l.hea", text);
        read_windows(folder / "r");
      }));
}

// Damaged headers of a format 8 file: any initial value is valid, but the file limits the number of samples.
TEST(Mutation, Differences) {
  const TemporaryFolder folder;
  expect_both(survive("r 2 360 9\nr.dat 8x2 200 11 0 5\nr.dat 8 200 11 0 -7\n", [&](const std::string& text) {
    folder.write("r.hea", text);
    folder.write("r.dat", std::string(27, '\x7f'));
    read_windows(folder / "r");
  }));
}

TEST(Mutation, Annotations) {
  const TemporaryFolder folder;
  write_annotation_file(
      folder / "r.atr",
      {{{42, "sp", "spindle"}, {15, "K", ""}},
       250,
       {{70'000, 1, -1, 3, 4, "(N"}, {70'300, 42, 0, 3, 5, ""}, {90'000, 15, 0, 0, 0, "text"}}});
  const std::string sound = content_of(folder / "r.atr");
  expect_both(survive(sound, [](const std::string& bytes) { parse_annotation_file(bytes, "r.atr", 360); }));
  for (std::size_t size = 0; size < sound.size(); ++size) {
    expect_error([&] { parse_annotation_file(sound.substr(0, size), "r.atr", 360); },
                 fmt::format("r.atr: truncated: ends at byte {} without an end mark", size));
  }
}

TEST(Mutation, Safetensors) {
  const TemporaryFolder folder;
  SafetensorsFile file;
  file.metadata["step"] = "12";
  file.tensors["weights"] = {StoredType::f32, {2, 2}, std::vector<std::byte>(16)};
  file.tensors["count"] = {StoredType::i64, {}, std::vector<std::byte>(8)};
  write_safetensors(folder / "m", file);
  expect_both(survive(content_of(folder / "m"), [&](const std::string& bytes) {
    folder.write("n", bytes);
    read_safetensors(folder / "n");
  }));
}

}  // namespace
}  // namespace sec::io
