// Opens recordings of every supported format.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "io/recording/reader.h"

namespace sec::io {

// Chooses the format by the file name's extension: .edf for EDF and EDF+, .csv and .tsv for text tables.
// Further extensions are .npy for NumPy arrays and .txt for the Tianchi contest's text.
// Any other name is a WFDB record, with or without ".hea". Throws Error on a file that cannot be read, and on a folder, an
// archive or another file of a WFDB record, with what to name instead.
std::unique_ptr<RecordingReader> open_recording(const std::filesystem::path& path);

// The extension with its dot, in lower case: ".edf" for NIGHT.EDF.
std::string lower_extension(const std::filesystem::path& path);

// True if open_recording would treat this path as a WFDB record.
bool is_wfdb_record(const std::filesystem::path& path);

// The files that exist of a recording: its header and those of its segments, signal files, side file, and
// annotation files .atr and .annotations.csv. Throws Error on a header that cannot be read.
std::vector<std::filesystem::path> files_of_recording(const std::filesystem::path& path);

// Throws Error if `target`, which a program is about to write, is one of these files, also under another path
// or through a link.
void require_not_read(const std::filesystem::path& target, const std::filesystem::path& recording);

}  // namespace sec::io
