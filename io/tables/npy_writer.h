// Writes recordings as NumPy arrays.
#pragma once

#include <filesystem>

#include "io/files/file_group.h"
#include "io/recording/reader.h"

namespace sec::io {

// Writes an array of shape (samples, leads), block by block, and its side file NAME.npy.json. They appear
// together or not at all.
// Physical samples are float32 with NaN for invalid samples. With `digital`, samples are int32 digital values
// (adu), with the lowest int32 for invalid samples. Throws Error if the leads have different sampling rates.
void write_npy(const std::filesystem::path& path, RecordingReader& source, bool digital = false);
// Adds the files to `files`, with the array as the head; they appear when the group is committed.
void write_npy(FileGroup& files, const std::filesystem::path& path, RecordingReader& source,
               bool digital = false);

}  // namespace sec::io
