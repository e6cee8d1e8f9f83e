// Recordings as NumPy arrays.
#pragma once

#include <filesystem>

#include "io/recording/reader.h"

namespace sec::io {

// Writes an array of (samples, leads), block by block, and its side file NAME.json, each atomically: physical
// samples as float32, NaN where there is none, or with `digital` the converter's numbers as int32, the lowest
// of them where there is none. Throws Error if the leads have different rates.
void write_npy(const std::filesystem::path& path, RecordingReader& source, bool digital = false);

}  // namespace sec::io
