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
  std::vector<std::string> units;     // of each lead
  std::vector<std::string> warnings;  // found while the whole recording was verified
  std::vector<double> rates;          // of each lead, Hz: whole multiples of `rate`
  // The next samples of each lead, [lead][sample] in mV, NaN where there is none; false: there are no more.
  std::function<bool(std::vector<std::vector<float>>&)> next;
};

// Opens a recording to be read in blocks of so many seconds, after a look at all of it (checksums, initial
// values, lengths): a WFDB record ("data/mitdb/100" or its .hea), or any other file that
// io/databases/open_recording.h knows. Throws Error naming the file and what was expected.
RecordingBlocks open_blocks(const std::string& path, double seconds, bool verify = true);

}  // namespace sec::tools
