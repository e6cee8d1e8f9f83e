// Reads WFDB records window by window (WFDB Applications Guide, header(5), signal(5)).
#pragma once

#include <filesystem>
#include <memory>

#include "io/recording/reader.h"
#include "io/wfdb/header.h"

namespace sec::io {

// Opens a record, named with or without ".hea". Its signal files and segments are in the header's folder.
// Throws Error if the record cannot be read.
std::unique_ptr<RecordingReader> open_wfdb(const std::filesystem::path& path);

// The folder of a record's signal files and segments: the header's, or, if the header is a link and its first file is
// not beside it, that of the file it leads to.
std::filesystem::path wfdb_signal_folder(const std::filesystem::path& file, const WfdbHeader& header);

// Opens a single-segment and a multi-segment record whose header was read from `folder`.
std::unique_ptr<RecordingReader> open_wfdb_single(const std::filesystem::path& folder, WfdbHeader header);
std::unique_ptr<RecordingReader> open_wfdb_segments(const std::filesystem::path& folder,
                                                    const WfdbHeader& header);

}  // namespace sec::io
