// Recordings as tables of text.
#pragma once

#include <filesystem>

#include "io/recording/reader.h"

namespace sec::io {

// Writes comments as lines that begin with "# ", a header ("time_s", the leads' names, with their units where
// these are not mV) and a line a sample, NaN as "nan"; between the cells tabs if the name ends in .tsv, else
// commas. Atomic, block by block. Samples read back to the same bits; the rate, to six decimals of a second
// over the whole length. Throws Error if the leads have different rates.
void write_csv(const std::filesystem::path& path, RecordingReader& source);

}  // namespace sec::io
