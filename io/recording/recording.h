// What io/ reads recordings into.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace sec::io {

// Stands, among samples as the converter gave them, for one that is marked as invalid or lies in a gap.
constexpr std::int32_t invalid_sample = std::numeric_limits<std::int32_t>::min();

// An event at a sample of a recording: for MIT-BIH mostly a heartbeat.
struct Annotation {
  std::int64_t sample = 0;
  int code = 0;     // annotation type of the MIT format: see annotation_codes.h
  int subtype = 0;  // SUB
  int channel = 0;  // CHN
  int number = 0;   // NUM
  std::string aux;

  friend bool operator==(const Annotation&, const Annotation&) = default;
};

// One lead's description.
struct Lead {
  std::string name;    // "MLII"
  std::string units;   // "mV"
  double gain = 200;   // adu per unit
  int baseline = 0;    // adu that stands for 0 units
  int resolution = 0;  // bits
};

// A whole recording in memory: physical samples by lead.
struct Recording {
  std::string name;
  double rate = 0;  // Hz
  std::vector<Lead> leads;
  std::vector<std::vector<float>>
      signals;  // [lead][sample], in the lead's units; NaN where the sample is invalid
  std::vector<std::string> comments;
  std::vector<std::string> warnings = {};  // of what was found while reading, a line each

  std::int64_t samples() const {
    return signals.empty() ? 0 : static_cast<std::int64_t>(signals.front().size());
  }
};

// The index of the lead of that name. Throws Error listing the leads there are.
std::size_t lead_index(const Recording& recording, std::string_view name);
std::size_t lead_index(const std::vector<Lead>& leads, std::string_view name, const std::string& recording);

}  // namespace sec::io
