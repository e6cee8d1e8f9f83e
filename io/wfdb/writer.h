// Recordings of any length as WFDB records.
#pragma once

#include <filesystem>

#include "io/recording/reader.h"

namespace sec::io {

// Writes RECORD.dat and then RECORD.hea, each atomically, block by block: all leads in one file in format 16,
// 24 or 212, with initial values and checksums. Samples keep the numbers of the converter where there are
// such and the format can hold them; otherwise a lead's range is divided evenly: gains are 1, 2 or 5 times a
// power of ten. The source is read twice, first for the range. Annotations are not written. Throws Error on
// another format and on what a header cannot say.
void write_wfdb(const std::filesystem::path& record, RecordingReader& source, int format);

}  // namespace sec::io
