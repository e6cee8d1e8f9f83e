#include "tools/secinfer/recording_blocks.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <span>

#include "engine/error.h"
#include "io/databases/open_recording.h"

namespace sec::tools {

RecordingBlocks open_blocks(const std::string& path, double seconds, bool verify) {
  const std::shared_ptr<io::RecordingReader> reader = io::open_recording(path);
  const io::ReaderInfo& info = reader->info();
  RecordingBlocks blocks;
  blocks.file = std::filesystem::exists(path + ".hea") ? path + ".hea" : path;
  blocks.name = info.name;
  blocks.rate = info.rate;
  blocks.start_date = info.start_date;
  blocks.start_time = info.start_time;
  require(!info.leads.empty(), "{}: a record without signals", blocks.file);
  for (std::size_t lead = 0; lead < info.leads.size(); ++lead) {
    blocks.leads.push_back(info.leads[lead].name);
    blocks.rates.push_back(info.rate * info.samples_per_frame[lead]);
  }
  if (verify) {
    blocks.warnings = reader->verify();
  }
  const auto block = std::max<std::int64_t>(1, static_cast<std::int64_t>(seconds * info.rate));
  blocks.next = [reader, block, at = std::int64_t{0}](std::vector<std::vector<float>>& samples) mutable {
    const std::int64_t count = std::min(block, reader->info().samples - at);
    if (count <= 0) {
      return false;
    }
    samples.resize(reader->info().leads.size());
    std::vector<std::span<float>> leads;
    for (std::size_t lead = 0; lead < samples.size(); ++lead) {
      samples[lead].resize(static_cast<std::size_t>(count * reader->info().samples_per_frame[lead]));
      leads.emplace_back(samples[lead]);
    }
    reader->read(at, count, leads);
    at += count;
    return true;
  };
  return blocks;
}

}  // namespace sec::tools
