// Writes recordings of any length as WFDB records.
#pragma once

#include <filesystem>

#include "io/recording/reader.h"

namespace sec::io {

// Writes RECORD.dat and then RECORD.hea, each atomically and block by block. All leads go to one file in
// format 16, 24 or 212, with initial values and checksums. Digital values are kept if the source has them and
// the format can hold them; otherwise each lead's range is divided evenly, with a gain of 1, 2 or 5 times a
// power of ten. The source is read twice, first to find the range. Annotations are not written.
// Throws Error on another format or if a header cannot express the recording.
void write_wfdb(const std::filesystem::path& record, RecordingReader& source, int format);

}  // namespace sec::io
