// A recording's samples, a block at a time.
#pragma once

#include <cstdint>
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

// Opens a recording ("data/mitdb/100" or its .hea) to be read in blocks of so many seconds, after a look at
// all of it: checksums, initial values, lengths. Throws Error naming the file and what was expected, also
// where leads have different rates.
RecordingBlocks open_blocks(const std::string& path, double seconds);

}  // namespace sec::tools
