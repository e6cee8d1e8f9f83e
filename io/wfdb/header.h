// WFDB header files, NAME.hea (WFDB Applications Guide, header(5)):
// a record line, one line per signal, and comments.
// The header of a multi-segment record has one line per segment instead of per signal.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/recording/recording.h"

namespace sec::io {

// A signal line of a header.
struct WfdbSignal {
  std::string file;  // plain file name in the header's folder; "~": no file
  int format = 0;    // 0: no samples and no file
  int samples_per_frame = 1;
  int skew = 0;                  // frames by which the signal is delayed in its file
  std::int64_t byte_offset = 0;  // bytes in the file before the first sample
  double gain = 200;             // adu per unit, negative for an inverted lead
  int baseline = 0;              // digital value (adu) of 0 physical units
  std::string units = "mV";
  int resolution = 12;  // bits
  int zero = 0;         // digital value (adu) at the middle of the converter's range
  std::optional<int> initial;
  std::optional<int> checksum;  // sum of all samples modulo 2^16
  int block_size = 0;
  std::string description;  // the lead's name
  bool has_gain =
      false;  // whether the line states a gain other than 0; `gain` is else the standard's default
};

// A segment line of a multi-segment record: another record in the header's folder, or "~" for a gap.
struct WfdbSegment {
  std::string name;
  std::int64_t samples = 0;

  bool is_gap() const { return name == "~"; }
};

struct WfdbHeader {
  std::string name;
  double rate = 250;  // frames per second, Hz
  std::optional<double> counter_rate;
  double base_counter = 0;
  std::int64_t samples = 0;           // per signal; 0: determined by the size of the signal files
  std::string base_time;              // "HH:MM:SS", empty if not given
  std::string base_date;              // "DD/MM/YYYY", empty if not given
  std::size_t width = 0;              // number of signals; multi-segment records have no signal lines
  std::vector<WfdbSignal> signals;    // empty for a multi-segment record
  std::vector<WfdbSegment> segments;  // empty for a single-segment record
  std::vector<std::string> comments;  // without the leading # and one space after it
};

// Parses the text of a header; `file` is its name in error messages.
// Throws Error naming the line and what was expected.
// Rejects names of files and segments that lead out of the header's folder.
WfdbHeader parse_wfdb_header(std::string_view text, const std::string& file);
WfdbHeader read_wfdb_header(const std::filesystem::path& path);

// Describes a signal's lead in physical units. Voltages are in mV whatever the header's unit (V, uV, nV);
// other quantities keep their own units.
Lead lead_of(const WfdbSignal& signal);

// The text of a single-segment header with LF line ends. Throws Error if a field would not read back.
std::string wfdb_header_text(const WfdbHeader& header);

}  // namespace sec::io
