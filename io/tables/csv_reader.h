// Reads text tables window by window: one line per sample, one column per lead.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "io/recording/reader.h"

namespace sec::io {

// Cells are separated by commas in a .csv file (by semicolons if the header has no comma), by tabs in a .tsv
// file. Comment lines, which begin with #, precede the header. The header names the leads: "MLII", or with
// units "MLII (uV)". A line of units may follow; without units, samples are in mV. The leads may
// follow sample numbers ("sample", "index") and a time ("time", "time_s", "time_ms", "Elapsed time"). Times
// must be equally spaced and give the sampling rate. A column without a name is never a lead.
// A nameless first column that counts the samples is ignored, and so is an empty last column. Tables with other
// nameless columns are refused.
// The side file NAME.csv.json (io/tables/side_file.h) may give rate, units, gain and more, and the leads of a
// file without a header. Empty cells and "nan" are NaN.
// Memory holds only the position of every n-th line, not the text. Throws Error naming the file and the line.
std::unique_ptr<RecordingReader> open_csv(const std::filesystem::path& path);

// Whether a column with this name is a lead, rather than sample numbers, a time or a column without a name.
bool names_a_lead(const std::string& cell);

}  // namespace sec::io
