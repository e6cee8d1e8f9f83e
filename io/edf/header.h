// Headers of EDF and EDF+ files (Kemp et al., "A simple format for exchange of digitized polygraphic
// recordings", 1992; "European Data Format plus", 2003): fields of fixed width, in ASCII.
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
  std::int64_t samples = 0;  // in a record
  std::int64_t offset = 0;   // of its bytes in a record
  bool is_annotation = false;
};

struct EdfHeader {
  std::string patient;
  std::string recording;
  std::string start_date;  // "DD/MM/YYYY", empty if not known
  std::string start_time;  // "HH:MM:SS", empty if not known
  bool plus = false;       // EDF+
  bool gaps = false;       // EDF+D: records need not follow each other in time
  std::int64_t bytes = 0;  // of the header
  std::int64_t records = 0;
  std::int64_t record_bytes = 0;
  double duration = 0;  // of a record, s
  std::vector<EdfSignal> signals;
};

// Throws Error naming the field and what was expected. The file must hold exactly the header's records; where
// the header does not say how many (-1: it was being recorded), as many whole records as there are.
EdfHeader read_edf_header(const RandomFile& file);

}  // namespace sec::io
