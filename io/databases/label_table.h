// A plain folder of recordings and a table that says what is in them.
#pragma once

#include <filesystem>
#include <vector>

#include "io/databases/labelled_recordings.h"

namespace sec::io {

// A table (text_table.h) with the columns "file" and "labels", and where wanted "patient", "fold", "age" and
// "sex"; others are passed over. Labels are separated by |, an empty field is a recording without any; files
// are named as they lie in `signals`, WFDB records without extension. Throws Error naming file and line: a
// missing column, a recording that is missing or listed twice, a fold that is no number from 1 to 1000 (or
// empty), an age or a sex that is none.
std::vector<LabelledRecording> read_label_table(const std::filesystem::path& table,
                                                const std::filesystem::path& signals);

}  // namespace sec::io
