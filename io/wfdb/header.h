// WFDB header files, NAME.hea (WFDB Applications Guide, header(5)): one record line, one line a signal, and
// comments; or, of a record in segments, one line a segment.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/recording/recording.h"

namespace sec::io {

// A signal line.
struct WfdbSignal {
  std::string file;  // a plain name, in the header's folder; "~" if there is none
  int format = 0;    // 0: no samples, and no file
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

// A line of a record in segments: another record in the header's folder, or "~", a gap.
struct WfdbSegment {
  std::string name;
  std::int64_t samples = 0;

  bool is_gap() const { return name == "~"; }
};

struct WfdbHeader {
  std::string name;
  double rate = 250;  // frames a second, Hz
  std::optional<double> counter_rate;
  double base_counter = 0;
  std::int64_t samples = 0;           // by signal; 0: as many as the files hold
  std::string base_time;              // "HH:MM:SS", empty if not given
  std::string base_date;              // "DD/MM/YYYY", empty if not given
  std::size_t width = 0;              // the number of signals, which of a record in segments have no lines
  std::vector<WfdbSignal> signals;    // none of a record in segments
  std::vector<WfdbSegment> segments;  // none of a record that is in one piece
  std::vector<std::string> comments;  // without the mark and a space after it
};

// Reads the text of a header. `file` is its name in errors. Throws Error naming the line and what was
// expected. Names of files and segments that lead out of the folder are refused.
WfdbHeader parse_wfdb_header(std::string_view text, const std::string& file);
WfdbHeader read_wfdb_header(const std::filesystem::path& path);

// The lead that a signal is, in physical units: voltages in mV whatever the header's units (V, uV, nV),
// anything else in its own units.
Lead lead_of(const WfdbSignal& signal);

// The text of a header in one piece, lines ending in LF. Throws Error if a field would not read back.
std::string wfdb_header_text(const WfdbHeader& header);

}  // namespace sec::io
