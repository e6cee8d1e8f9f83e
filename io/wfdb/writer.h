// Writes recordings of any length as WFDB records.
#pragma once

#include <filesystem>

#include "io/files/file_group.h"
#include "io/recording/reader.h"

namespace sec::io {

// Writes RECORD.dat and RECORD.hea, which appear together or not at all, block by block. All leads go to one file in
// format 16, 24 or 212, with initial values and checksums. Digital values are kept if the source has them and
// the format can hold them; otherwise each lead's range is divided evenly, with a gain of 1, 2 or 5 times a
// power of ten. The source is read twice, first to find the range. Annotations are not written.
// Throws Error on another format or if a header cannot express the recording.
void write_wfdb(const std::filesystem::path& record, RecordingReader& source, int format);
// Adds the files to `files`, with the header as the head; they appear when the group is committed.
void write_wfdb(FileGroup& files, const std::filesystem::path& record, RecordingReader& source, int format);

}  // namespace sec::io
