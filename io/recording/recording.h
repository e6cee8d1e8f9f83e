// Types for recordings and their annotations.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sec::io {

// Marks, among digital samples, a sample that the file declares invalid or that is in a gap.
constexpr std::int32_t invalid_sample = std::numeric_limits<std::int32_t>::min();

// An event at a sample of a recording. In MIT-BIH most events are heartbeats.
struct Annotation {
  std::int64_t sample = 0;
  int code = 0;     // annotation type of the MIT format, see annotation_codes.h
  int subtype = 0;  // the MIT format's SUB field
  int channel = 0;  // the MIT format's CHN field
  int number = 0;   // the MIT format's NUM field
  std::string aux;
  std::optional<double> duration = {};  // s; only EDF+ has durations

  friend bool operator==(const Annotation&, const Annotation&) = default;
};

// The description of one lead.
struct Lead {
  std::string name;      // "MLII"
  std::string units;     // "mV"
  double gain = 200;     // analog-to-digital converter units (adu) per physical unit
  int baseline = 0;      // digital value (adu) of 0 physical units
  int resolution = 0;    // bits
  bool has_gain = true;  // false: the file states no gain, and `gain` is its format's default
};

// A whole recording in memory, as physical samples per lead.
struct Recording {
  std::string name;
  double rate = 0;  // Hz
  std::vector<Lead> leads;
  std::vector<std::vector<float>> signals;  // [lead][sample], in the lead's units; NaN: invalid sample
  std::vector<std::string> comments;
  std::vector<std::string> warnings = {};  // of what was found while reading, a line each
  int samples_per_frame = 1;               // of all leads; a WFDB record's annotations count frames

  std::int64_t samples() const {
    return signals.empty() ? 0 : static_cast<std::int64_t>(signals.front().size());
  }
};

}  // namespace sec::io
