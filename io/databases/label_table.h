// A folder of recordings with a table that lists their labels.
#pragma once

#include <filesystem>
#include <vector>

#include "io/databases/labelled_recordings.h"

namespace sec::io {

// Reads a table (io/files/text_table.h) with the columns "file" and "labels".
// Optional columns are "patient", "fold", "age" and "sex"; other columns are ignored.
// Labels are separated by |; the field may be empty.
// Files are named relative to the folder `signals`, WFDB records without extension.
// Throws Error, naming file and line, on a missing column, a missing or repeated recording, a malformed age,
// a malformed sex, or a fold that is neither empty nor a number from 1 to 1000.
// With `problems`, everything that is wrong with rows is noted there instead, a line each, so that all of it can be
// listed at once; a recording whose file is missing then has an empty path.
std::vector<LabelledRecording> read_label_table(const std::filesystem::path& table,
                                                const std::filesystem::path& signals,
                                                std::vector<std::string>* problems = nullptr);

}  // namespace sec::io
