// NumPy arrays of samples a window at a time.
#pragma once

#include <filesystem>
#include <memory>

#include "io/recording/reader.h"

namespace sec::io {

// An array of (samples) or (samples, leads). The side file NAME.json (io/tables/side_file.h) must say the
// rate and the leads' names, and the gain of arrays of whole numbers, whose lowest value then stands for an
// invalid sample. Throws Error naming the file and what was expected.
std::unique_ptr<RecordingReader> open_npy(const std::filesystem::path& path);

}  // namespace sec::io
