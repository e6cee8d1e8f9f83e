#include "io/recording_reader.h"

#include <cmath>

#include "files.h"
#include "io/wfdb_signal.h"

namespace sec::io {
namespace {

// The whole-file reader is the independent side: windows of odd sizes must add up to it.
TEST(RecordingReader, WindowsOfTheRealDatabaseAddUp) {
  const auto folder = real_data("mitdb");
  if (!folder) {
    GTEST_SKIP() << "SEC_DATA names no folder with mitdb";
  }
  const Recording whole = read_record(*folder, "100");
  const auto reader = open_recording(*folder / "100");
  ASSERT_EQ(reader->info().samples, whole.samples());
  for (std::int64_t at = 0; at < whole.samples(); at += 7001) {
    const std::int64_t count = std::min<std::int64_t>(7001, whole.samples() - at);
    std::vector<float> a(count);
    std::vector<float> b(count);
    const std::vector<std::span<float>> spans{a, b};
    reader->read(at, count, spans);
    ASSERT_TRUE(std::equal(a.begin(), a.end(), whole.signals[0].begin() + at)) << at;
    ASSERT_TRUE(std::equal(b.begin(), b.end(), whole.signals[1].begin() + at)) << at;
  }
  EXPECT_EQ(reader->annotations().size(), 2274U);
}

// The headers' checksums, which the writers of these files computed, are over all samples.
TEST(RecordingReader, WholeRecordsHaveTheChecksumsOfTheirHeaders) {
  const auto folder = real_data("wfdb-samples");
  if (!folder) {
    GTEST_SKIP() << "SEC_DATA names no folder with wfdb-samples";
  }
  int checked = 0;
  for (const char* name : {"310derive", "311derive", "3000003_0003", "test01_00s", "03700181"}) {
    const WfdbHeader header = read_wfdb_header(*folder / (std::string(name) + ".hea"));
    const auto reader = open_recording(*folder / name);
    const ReaderInfo& info = reader->info();
    for (std::size_t s = 0; s < info.leads.size(); ++s) {
      if (header.signals[s].skew > 0) {
        continue;  // its first samples are in no window
      }
      std::vector<float> values(info.samples * info.samples_per_frame[s]);
      std::vector<std::span<float>> spans(info.leads.size());
      spans[s] = values;
      reader->read(0, info.samples, spans);
      std::int64_t sum = 0;
      bool sound = true;
      for (const float v : values) {
        sound = sound && !std::isnan(v);
        sum += sound ? std::lround(v * info.leads[s].gain + info.leads[s].baseline) : 0;
      }
      if (sound) {
        ++checked;
        EXPECT_EQ(static_cast<std::int16_t>(sum), static_cast<std::int16_t>(*header.signals[s].checksum))
            << name << " signal " << s;
      }
    }
  }
  EXPECT_GE(checked, 5);  // others hold invalid samples or are skewed
}

// One file a format, each with the checksum that its writer put into the header. Format 8 holds differences
// and cannot be entered midway; format 32 holds more bits than a float.
TEST(RecordingReader, UnpacksEveryFormat) {
  const auto source = real_data("wfdb-samples");
  if (!source) {
    GTEST_SKIP() << "SEC_DATA names no folder with wfdb-samples";
  }
  const TemporaryFolder folder;
  const WfdbHeader header = read_wfdb_header(*source / "binformats.hea");
  int checked = 0;
  for (const WfdbSignal& signal : header.signals) {
    if (signal.format == 8 || signal.format == 32) {
      continue;
    }
    folder.write("r.hea", fmt::format("r 1 200 {}\nr.dat {} 1\n", header.samples, signal.format));
    folder.write("r.dat", content_of(*source / signal.file));
    const auto reader = open_recording(folder / "r");
    std::int64_t sum = 0;
    for (std::int64_t i = 0; i < header.samples; i += 7) {  // windows that begin inside packs
      std::vector<float> values(std::min<std::int64_t>(7, header.samples - i));
      const std::vector<std::span<float>> spans{values};
      reader->read(i, std::ssize(values), spans);
      for (const float v : values) {
        ASSERT_FALSE(std::isnan(v)) << signal.format;
        sum += std::lround(v);
      }
    }
    EXPECT_EQ(static_cast<std::int16_t>(sum), static_cast<std::int16_t>(*signal.checksum)) << signal.format;
    ++checked;
  }
  EXPECT_EQ(checked, 8);
}

TEST(RecordingReader, RefusesWindowsOutsideAndTruncatedFiles) {
  const TemporaryFolder folder;
  folder.write("r.hea", "r 1 100 3\nr.dat 16\n");
  folder.write("r.dat", std::string("\1\0\2\0\0\x80", 6));
  const auto reader = open_recording(folder / "r.hea");
  std::vector<float> values(2);
  const std::vector<std::span<float>> spans{values};
  reader->read(1, 2, spans);
  EXPECT_FLOAT_EQ(values[0], 0.01F);
  EXPECT_TRUE(std::isnan(values[1]));
  std::vector<std::int32_t> adu(2);
  const std::vector<std::span<std::int32_t>> digital{adu};
  reader->read_digital(1, 2, digital);
  EXPECT_EQ(adu, (std::vector<std::int32_t>{2, invalid_sample}));
  expect_error([&] { reader->read(2, 2, spans); }, "samples 2 and 2 more lie outside its 3");
  folder.write("r.dat", "12");
  expect_error([&] { open_recording(folder / "r"); }, "truncated: 3 samples a signal expected, 1 found");
}

// A format without a converter's numbers, which counts what is read of it.
class Physical final : public RecordingReader {
 public:
  Physical() {
    info_.name = "p";
    info_.samples = 100'000;
    info_.leads.resize(2);
    info_.samples_per_frame = {1, 3};
  }
  const ReaderInfo& info() const override { return info_; }
  void read(std::int64_t begin, std::int64_t count, std::span<const std::span<float>> leads) override {
    require_window(info_, "p", begin, count, leads);
    EXPECT_EQ(begin, frames);
    frames += count;
  }
  std::vector<Annotation> annotations() override { return {}; }

  std::int64_t frames = 0;

 private:
  ReaderInfo info_;
};

TEST(RecordingReader, FormatsWithoutDigitalSamplesSaySoAndVerifyByReading) {
  Physical reader;
  expect_error([&] { reader.read_digital(0, 0, {}); }, "p: its samples are physical values");
  reader.verify();
  EXPECT_EQ(reader.frames, 100'000);
}

TEST(RecordingReader, WithoutALengthTheShortestFileCounts) {
  const TemporaryFolder folder;
  folder.write("r.hea", "r 2 100\na.dat 16\nb.dat 16\n");
  folder.write("a.dat", "");
  folder.write("b.dat", "1234");
  EXPECT_EQ(open_recording(folder / "r")->info().samples, 0);
  folder.write("a.dat", "12");
  EXPECT_EQ(open_recording(folder / "r")->info().samples, 1);
}

}  // namespace
}  // namespace sec::io
