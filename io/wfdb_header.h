// WFDB header files, NAME.hea (WFDB Applications Guide, header(5)): one record line, one line a signal, and
// comments. Single-segment records.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sec::io {

// A signal line.
struct WfdbSignal {
  std::string file;  // a plain name, in the header's folder
  int format = 0;
  int samples_per_frame = 1;
  int skew = 0;                  // frames by which the signal lies late in its file
  std::int64_t byte_offset = 0;  // bytes in the file before the first sample
  double gain = 200;             // adu per unit, negative for an inverted lead
  int baseline = 0;              // adu that stands for 0 units
  std::string units = "mV";
  int resolution = 12;  // bits
  int zero = 0;         // adu in the middle of the converter's range
  std::optional<int> initial;
  std::optional<int> checksum;  // of all samples, modulo 2^16
  int block_size = 0;
  std::string description;  // the lead's name
};

struct WfdbHeader {
  std::string name;
  double rate = 250;  // frames a second, Hz
  std::optional<double> counter_rate;
  double base_counter = 0;
  std::int64_t samples = 0;  // by signal; 0: as many as the files hold
  std::string base_time;     // "HH:MM:SS", empty if not given
  std::string base_date;     // "DD/MM/YYYY", empty if not given
  std::vector<WfdbSignal> signals;
  std::vector<std::string> comments;  // without the mark and a space after it
};

// Reads the text of a header. `file` is its name in errors. Throws Error naming the line and what was
// expected; multi-segment headers and file names that lead out of the folder are refused.
WfdbHeader parse_wfdb_header(std::string_view text, const std::string& file);
WfdbHeader read_wfdb_header(const std::filesystem::path& path);

// The text of a header, lines ending in LF. Throws Error if a field would not read back.
std::string wfdb_header_text(const WfdbHeader& header);

}  // namespace sec::io
