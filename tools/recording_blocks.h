// A recording's samples, a block at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace sec::tools {

struct RecordingBlocks {
  std::string name;
  std::string file;  // for messages
  double rate = 0;   // Hz
  std::vector<std::string> leads;
  // The next samples of each lead, [lead][sample] in mV, NaN where there is none; false: there are no more.
  std::function<bool(std::vector<std::vector<float>>&)> next;
};

RecordingBlocks open_blocks(const std::string& path, std::int64_t block);

}  // namespace sec::tools
