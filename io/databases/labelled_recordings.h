// Whole recordings and what is known of each: the one form into which the readers of PTB-XL (ptbxl.h), the
// Tianchi contest (tianchi_labels.h), the CinC challenges (cinc.h) and plain folders (label_table.h) bring
// them. Signals stay in their files until they are asked for.
#pragma once

#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace sec::io {

enum class Sex { unknown, female, male };

struct LabelledRecording {
  std::string id;              // unique in its set, as reports and split files name it
  std::filesystem::path path;  // for open_recording, or read_tianchi
  std::string patient;         // empty: not known
  int fold = 0;                // 0: none
  std::vector<std::string> labels;
  double age = std::numeric_limits<double>::quiet_NaN();  // years; NaN: not known
  Sex sex = Sex::unknown;
};

// What the readers share. `place` is "file:line", for messages.

// FOLDER/NAME, which must exist itself or, for a WFDB record, with ".hea". Throws Error on a name that is
// empty, absolute or leads out of the folder, and on a missing file.
std::filesystem::path recording_path(const std::filesystem::path& folder, std::string_view name,
                                     const std::string& place);

// Adds a label unless it is there already. Throws Error on one that is empty, no UTF-8, longer than 200
// bytes, or holds control characters: labels appear in reports and recipes.
void add_label(LabelledRecording& recording, std::string_view label, const std::string& place);

// Years from 0 to 150; empty, "NaN" and "Unknown" are NaN. Throws Error on anything else.
double parse_age(std::string_view text, const std::string& place);

// "F", "Female", "M", "Male" in any case; empty, "NaN" and "Unknown" are unknown. Throws Error on anything
// else.
Sex parse_sex(std::string_view text, const std::string& place);

// A whole number from `low` to `high`, ".0" allowed after it. Throws Error naming `what` otherwise.
int parse_whole(std::string_view text, int low, int high, const char* what, const std::string& place);

// Throws Error, naming `file`, unless there is at least one and all ids differ.
void require_distinct(const std::vector<LabelledRecording>& recordings, const std::string& file);

// The text without spaces, tabs and carriage returns at its ends.
std::string_view trimmed(std::string_view text);

}  // namespace sec::io
