// Reads NumPy arrays of samples window by window.
#pragma once

#include <filesystem>
#include <memory>

#include "io/recording/reader.h"

namespace sec::io {

// Opens an array of shape (samples) or (samples, leads). The side file NAME.npy.json (io/tables/side_file.h)
// must give the sampling rate and the leads' names, and for integer arrays the gain. In integer arrays, the type's
// lowest value marks an invalid sample. Throws Error naming the file and what was expected.
std::unique_ptr<RecordingReader> open_npy(const std::filesystem::path& path);

}  // namespace sec::io
