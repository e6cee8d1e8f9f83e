// EDF and EDF+ files a window at a time.
#pragma once

#include <filesystem>
#include <memory>

#include "io/recording/reader.h"

namespace sec::io {

// A frame is as long as the samples of all signals divide evenly; a signal's own rate is its
// samples_per_frame times info().rate. Voltages come in mV. Samples are NaN between the records of an EDF+D
// file, and where they are -32768 although the header's digital minimum is higher; frames of nothing else at
// the end of the file are left out. Annotations are counted from the first sample on, at the rate of the
// fastest signal, in a file without signals at 1000 Hz; what lies before the first sample is left out. Throws
// Error naming the file and the place in it.
std::unique_ptr<RecordingReader> open_edf(const std::filesystem::path& path);

}  // namespace sec::io
