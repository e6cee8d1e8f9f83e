// Reads a recording block by block.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace sec::tools {

struct RecordingBlocks {
  std::string name;
  std::string file;  // name for error messages
  double rate = 0;   // frames per second, Hz
  std::string start_date;
  std::string start_time;
  std::vector<std::string> leads;
  std::vector<double> rates;  // rate of each lead, Hz: a multiple of `rate`
  // Reads the next samples of each lead, [lead][sample] in mV, NaN if missing. Returns false at the end.
  std::function<bool(std::vector<std::vector<float>>&)> next;
};

// Opens a recording for reading in blocks of `seconds`, after checking all of it.
// Reads WFDB records
// ("data/mitdb/100" or its .hea) and the files that io/databases/open_recording.h supports.
// Throws Error naming the file and what was expected.
RecordingBlocks open_blocks(const std::string& path, double seconds);

}  // namespace sec::tools
