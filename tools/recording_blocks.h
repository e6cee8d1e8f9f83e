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

// Opens a WFDB record ("data/mitdb/100" or its .hea), to be read in blocks of so many seconds. Formats 16 and
// 212 are read from the disk as they are asked for, checksums being verified at the end (with skew or several
// units in a file they are read whole); the other formats of io/recording_reader.h as they are asked for,
// without a look at checksums. Throws Error naming the file and what was expected.
RecordingBlocks open_blocks(const std::string& path, double seconds);

}  // namespace sec::tools
