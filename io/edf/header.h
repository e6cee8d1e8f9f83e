// Headers of EDF and EDF+ files. All fields are ASCII text of fixed width.
// EDF: Kemp et al., "A simple format for exchange of digitized polygraphic recordings", 1992.
// EDF+: "European Data Format plus", 2003.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/files/random_file.h"

namespace sec::io {

inline constexpr std::string_view edf_annotation_label = "EDF Annotations";

struct EdfSignal {
  std::string label;  // "ECG V1"
  std::string units;  // "uV"
  double physical_min = 0;
  double physical_max = 0;
  int digital_min = 0;
  int digital_max = 0;
  std::int64_t samples = 0;  // samples per data record
  std::int64_t offset = 0;   // byte offset of the signal within a data record
  bool is_annotation = false;
  // Why the channel holds no signal: "digital minimum and maximum are both 0". Empty for a channel that holds one.
  std::string unused;
};

struct EdfHeader {
  std::string patient;
  std::string recording;
  std::string start_date;  // "DD/MM/YYYY", empty if not known
  std::string start_time;  // "HH:MM:SS", empty if not known
  bool plus = false;       // true if the file is EDF+
  bool gaps = false;       // EDF+D: there may be time gaps between data records
  std::int64_t bytes = 0;  // size of the header
  std::int64_t records = 0;
  std::int64_t record_bytes = 0;
  double duration = 0;  // duration of a data record, s
  std::vector<EdfSignal> signals;
};

// Reads and checks the header. The file must hold exactly the number of data records that the header states.
// If that number is -1 (the recording was still in progress), all whole records in the file are used.
// Throws Error naming the field and what was expected.
EdfHeader read_edf_header(const RandomFile& file);

}  // namespace sec::io
