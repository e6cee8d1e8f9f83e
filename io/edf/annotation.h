// What EDF+ files say in their annotation signals: lists of times and texts (TALs), "+12.5<20>text<20><0>".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/recording/recording.h"

namespace sec::io {

struct EdfEvent {
  double onset = 0;  // s after the header's start time
  std::string text;
};

// The annotations of one record.
struct EdfRecordEvents {
  bool has_onset = false;
  double onset = 0;  // s after the header's start time: when the record itself begins
  std::vector<EdfEvent> events;
};

// Adds what one annotation signal of record `record` holds. Only a record's first annotation signal says when
// the record begins. Throws Error naming the file and the record.
void parse_edf_events(std::string_view bytes, const std::string& file, std::int64_t record,
                      EdfRecordEvents& found);

// "+12.5": as TALs write it.
std::string edf_onset(double seconds);

// An annotation as text: its mnemonic ("N"), with AUX after a tab ("+<tab>(AFIB") and where there are any
// SUB, CHN and NUM after a second one ("V<tab><tab>1 0 0"). Comments (type 22) are their AUX alone where that
// is not taken for something else. Throws Error on an AUX that EDF+ cannot hold: bytes 0, 20 and 21, and what
// is not UTF-8.
std::string edf_text_of(const Annotation& annotation);
// The opposite. Texts that are no mnemonic are comments. `sample` is left at 0.
Annotation annotation_of_edf_text(std::string_view text);

}  // namespace sec::io
