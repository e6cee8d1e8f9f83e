// Tables of text a window at a time: a line a sample, a column a lead.
#pragma once

#include <filesystem>
#include <memory>

#include "io/recording/reader.h"

namespace sec::io {

// A .csv file has commas between its cells (or semicolons, if its header has no comma), a .tsv file tabs.
// Lines that begin with # are comments and stand before the header, which names the leads: "MLII", or with
// units "MLII (uV)". A line of units may follow; without any, samples are in mV. The first column may count
// samples ("sample", "index") or tell the time ("time", "time_s", "time_ms", "Elapsed time"), which must be
// regular and gives the sampling rate. NAME.json beside the file (io/tables/side_file.h) may say rate, units,
// gain and all else, and the leads of a file without a header. Empty cells and "nan" are NaN. Of the text
// only the place of every so many lines is kept. Throws Error naming the file and the line.
std::unique_ptr<RecordingReader> open_csv(const std::filesystem::path& path);

}  // namespace sec::io
