// A whole recording with its labels and patient data. The readers of PTB-XL (ptbxl.h), the Tianchi contest
// (tianchi_labels.h), the CinC challenges (cinc.h) and label tables (label_table.h) all return this type.
// Signals are not loaded here: they are read from their files on demand.
#pragma once

#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace sec::io {

enum class Sex { unknown, female, male };

struct LabelledRecording {
  std::string id;              // unique in its data set; used in reports and split files
  std::filesystem::path path;  // argument of open_recording or read_tianchi
  std::string patient;         // empty: not known
  int fold = 0;                // 0: none
  std::vector<std::string> labels;
  double age = std::numeric_limits<double>::quiet_NaN();  // years; NaN: not known
  Sex sex = Sex::unknown;
};

// Helpers shared by these readers. `place` is "file:line", shown in error messages.

// Returns FOLDER/NAME. That file must exist, or, for a WFDB record, the same path with ".hea" appended.
// Throws Error if the name is empty, absolute or leads out of the folder, or if the file is missing.
std::filesystem::path recording_path(const std::filesystem::path& folder, std::string_view name,
                                     const std::string& place);

// Adds a label unless the recording already has it.
// Labels appear in reports and recipes. A label that is empty, not UTF-8 or longer than 200 bytes, or that
// contains control characters is therefore an Error.
void add_label(LabelledRecording& recording, std::string_view label, const std::string& place);

// Parses an age in years, 0 to 150, with a decimal point or comma. Empty text, "NaN" and "Unknown" give NaN. Throws Error on anything else.
double parse_age(std::string_view text, const std::string& place);

// Parses "F", "Female", "M" or "Male" in any case. Empty text, "NaN" and "Unknown" give Sex::unknown.
// Throws Error on anything else.
Sex parse_sex(std::string_view text, const std::string& place);

// Parses a whole number from `low` to `high`; a trailing ".0" or ",0" is allowed.
// Throws Error, naming `what`, on anything else.
int parse_whole(std::string_view text, int low, int high, const char* what, const std::string& place);

// Throws Error, naming `file`, if there are no recordings or if two of them have the same id.
void require_distinct(const std::vector<LabelledRecording>& recordings, const std::string& file);

// Strips spaces, tabs and carriage returns from both ends of the text.
std::string_view trimmed(std::string_view text);

}  // namespace sec::io
