#include "tools/secinfer/recording_blocks.h"

#include <cmath>

#include "io/databases/open_recording.h"
#include "tests/io/files.h"

namespace sec::tools {
namespace {

// Concatenated blocks equal the record, also in compressed formats and in multi-segment records.
TEST(RecordingBlocks, TogetherAreTheRecord) {
  const auto folder = io::real_data("wfdb-samples");
  if (!folder) {
    GTEST_SKIP() << "NOT TESTED: SEC_DATA names no folder with wfdb-samples/";
  }
  for (const char* name : {"310derive", "flacformats", "multi-segment/s25047/s25047-2704-05-04-10-44"}) {
    const auto record = *folder / name;
    const std::unique_ptr<io::RecordingReader> reader = io::open_recording(record);
    const io::ReaderInfo& info = reader->info();
    std::vector<std::vector<float>> whole(info.leads.size(),
                                          std::vector<float>(static_cast<std::size_t>(info.samples)));
    reader->read(0, info.samples, std::vector<std::span<float>>(whole.begin(), whole.end()));

    const RecordingBlocks blocks = open_blocks(record.string() + ".hea", 0.77);
    EXPECT_EQ(blocks.rate, info.rate) << name;
    std::vector<std::vector<float>> joined(whole.size());
    std::vector<std::vector<float>> block;
    int count = 0;
    int wrong = 0;
    while (blocks.next(block)) {
      ++count;
      for (std::size_t lead = 0; lead < block.size(); ++lead) {
        joined.at(lead).insert(joined[lead].end(), block[lead].begin(), block[lead].end());
      }
    }
    EXPECT_GT(count, 1) << name;
    ASSERT_EQ(joined.size(), whole.size());
    for (std::size_t lead = 0; lead < whole.size(); ++lead) {
      ASSERT_EQ(joined[lead].size(), whole[lead].size()) << name;
      for (std::size_t i = 0; i < whole[lead].size(); ++i) {
        wrong +=
            joined[lead][i] == whole[lead][i] || (std::isnan(joined[lead][i]) && std::isnan(whole[lead][i]))
                ? 0
                : 1;
      }
    }
    EXPECT_EQ(wrong, 0) << name;
  }
}

}  // namespace
}  // namespace sec::tools
