// Recordings of every format that is known here.
#pragma once

#include <filesystem>
#include <memory>

#include "io/recording/reader.h"

namespace sec::io {

// By the name's extension: .edf EDF and EDF+, .csv and .tsv tables of text, .npy NumPy arrays, .txt the
// Tianchi contest's text; anything else is a WFDB record, named with or without ".hea". Throws Error on what
// cannot be read.
std::unique_ptr<RecordingReader> open_recording(const std::filesystem::path& path);

// Whether that is a WFDB record.
bool is_wfdb_record(const std::filesystem::path& path);

}  // namespace sec::io
