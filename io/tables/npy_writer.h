// Writes recordings as NumPy arrays.
#pragma once

#include <filesystem>

#include "io/recording/reader.h"

namespace sec::io {

// Writes an array of shape (samples, leads), block by block, and its side file NAME.json, each atomically.
// Physical samples are float32 with NaN for invalid samples. With `digital`, samples are int32 digital values
// (adu), with the lowest int32 for invalid samples. Throws Error if the leads have different sampling rates.
void write_npy(const std::filesystem::path& path, RecordingReader& source, bool digital = false);

}  // namespace sec::io
