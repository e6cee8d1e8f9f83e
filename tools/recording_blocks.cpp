#include "tools/recording_blocks.h"

#include <algorithm>
#include <memory>

#include "io/wfdb_signal.h"

namespace sec::tools {

RecordingBlocks open_blocks(const std::string& path, std::int64_t block) {
  std::filesystem::path record(path);
  if (record.extension() == ".hea") {
    record.replace_extension();
  }
  const auto whole = std::make_shared<io::Recording>(
      io::read_record(record.has_parent_path() ? record.parent_path() : std::filesystem::path("."),
                      record.filename().string()));
  RecordingBlocks blocks{whole->name, record.string() + ".hea", whole->rate, {}, {}};
  for (const io::Lead& lead : whole->leads) {
    blocks.leads.push_back(lead.name);
  }
  blocks.next = [whole, block, at = std::int64_t{0}](std::vector<std::vector<float>>& samples) mutable {
    const std::int64_t count = std::min(block, whole->samples() - at);
    samples.resize(whole->signals.size());
    for (std::size_t lead = 0; lead < samples.size(); ++lead) {
      samples[lead].assign(whole->signals[lead].begin() + at, whole->signals[lead].begin() + at + count);
    }
    at += count;
    return count > 0;
  };
  return blocks;
}

}  // namespace sec::tools
