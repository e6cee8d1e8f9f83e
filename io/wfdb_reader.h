// WFDB records a window at a time (WFDB Applications Guide, header(5), signal(5)).
#pragma once

#include <filesystem>
#include <memory>

#include "io/recording_reader.h"

namespace sec::io {

// Opens a record, named with or without ".hea"; its signal files lie in the header's folder. Throws Error on
// what cannot be read.
std::unique_ptr<RecordingReader> open_wfdb(const std::filesystem::path& path);

}  // namespace sec::io
