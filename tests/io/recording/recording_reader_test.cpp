#include "io/recording/reader.h"

#include <cmath>

#include "io/databases/open_recording.h"
#include "io/wfdb/signal.h"
#include "tests/io/files.h"

namespace sec::io {
namespace {

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
  expect_error([&] { reader->read(2, 2, spans); }, "window at sample 2, length 2, exceeds its 3 samples");
  folder.write("r.dat", "12");
  expect_error([&] { open_recording(folder / "r"); }, "truncated: 3 samples per signal expected, 1 found");
}

// A reader without digital values that counts how much is read.
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

}  // namespace
}  // namespace sec::io
