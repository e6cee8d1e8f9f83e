// Writes recordings as text tables.
#pragma once

#include <filesystem>

#include "io/files/file_group.h"
#include "io/recording/reader.h"

namespace sec::io {

// Writes comments as lines that begin with "# ", a header ("time_s" and the leads' names, with units other
// than mV), and one line per sample; NaN is written as "nan". Cells are separated by tabs if the name ends in
// .tsv, otherwise by commas. The file is written atomically, block by block. Samples read back bitwise equal.
// If there is a NAME.json, which earlier versions would read with the table, a side file NAME.csv.json is
// written, too, and takes its place; any other NAME.csv.json is removed.
// Times have six decimals, so the rate reads back with that precision over the whole length.
// Throws Error if the leads have different sampling rates.
void write_csv(const std::filesystem::path& path, RecordingReader& source);
// Adds the files to `files`, with the table as the head; they appear when the group is committed.
void write_csv(FileGroup& files, const std::filesystem::path& path, RecordingReader& source);

}  // namespace sec::io
