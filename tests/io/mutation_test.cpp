// Damaged files: thousands of random changes to sound ones. Each must read, or give one line of Error; under
// the sanitizers nothing may be read or written out of bounds. (Memory that follows a number in a file
// instead of its size would show as std::bad_alloc.)
#include <gtest/gtest.h>

#include "engine/philox.h"
#include "files.h"
#include "io/recording_reader.h"
#include "io/safetensors.h"
#include "io/wfdb_annotation.h"
#include "io/wfdb_header.h"
#include "io/wfdb_signal.h"

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

// Returns how many of the damaged texts still read.
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

TEST(Mutation, RecordsInWindows) {
  const TemporaryFolder folder;
  folder.write("r.dat", std::string(16, '\1'));
  expect_both(
      survive("r 2 360 2\nr.dat 212x2 200 11 0\nr.dat 212:1 -200 11 1024\n", [&](const std::string& text) {
        folder.write("r.hea", text);
        const auto reader = open_recording(folder / "r");
        const std::int64_t count = std::min<std::int64_t>(reader->info().samples, 2);
        std::vector<std::vector<float>> values;
        for (const int each : reader->info().samples_per_frame) {
          values.emplace_back(count * each);
        }
        const std::vector<std::span<float>> spans(values.begin(), values.end());
        reader->read(0, count, spans);
      }));
}

TEST(Mutation, Annotations) {
  const TemporaryFolder folder;
  write_annotations(folder / "r.atr", std::vector<Annotation>{{0, 22, 0, 0, 0, "## time resolution: 250"},
                                                              {70'000, 1, -1, 3, 4, "(N"},
                                                              {70'300, 5, 0, 3, 5, ""},
                                                              {90'000, 12, 0, 0, 0, "text"}});
  expect_both(survive(content_of(folder / "r.atr"),
                      [](const std::string& bytes) { parse_annotation_file(bytes, "r.atr", 360); }));
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
