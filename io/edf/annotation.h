// EDF+ annotation signals: time-stamped annotation lists (TALs), such as "+12.5<20>text<20><0>".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/recording/recording.h"

namespace sec::io {

struct EdfEvent {
  double onset = 0;                // s after the header's start time
  std::optional<double> duration;  // s
  std::string text;
};

// The annotations of one data record.
struct EdfRecordEvents {
  bool has_onset = false;
  double onset = 0;  // start of the data record, s after the header's start time
  std::vector<EdfEvent> events;
};

// Parses the bytes of one annotation signal in data record `record` and adds its annotations to `found`.
// Only a record's first annotation signal states when the record begins.
// Throws Error naming the file and the record.
void parse_edf_events(std::string_view bytes, const std::string& file, std::int64_t record,
                      EdfRecordEvents& found);

// Formats the time of an annotation as in TALs: "+12.5", and with a duration "+12.5<21>0.25".
std::string edf_onset(double seconds, std::optional<double> duration = {});

// Converts an annotation to EDF+ text. The mnemonic ("N") comes first, then AUX after a tab ("+<tab>(AFIB").
// SUB, CHN and NUM follow after a second tab unless they are all 0 ("V<tab><tab>1 0 0").
// A comment (type 22) is written as its AUX text alone if that text cannot be mistaken for a mnemonic.
// AUX texts that are not UTF-8 are taken for Latin-1.
// Throws Error if EDF+ cannot hold the AUX text: it contains bytes 0, 20 or 21.
std::string edf_text_of(const Annotation& annotation);
// The inverse of edf_text_of. Texts that do not begin with a mnemonic become comments. `sample` stays 0.
Annotation annotation_of_edf_text(std::string_view text);

}  // namespace sec::io
