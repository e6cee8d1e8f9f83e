// Reads EDF and EDF+ files window by window.
#pragma once

#include <filesystem>
#include <memory>

#include "io/recording/reader.h"

namespace sec::io {

// A frame is the shortest time in which every signal has a whole number of samples.
// A signal's own rate is its samples_per_frame times info().rate. Voltages are converted to mV.
// Samples are NaN in the time gaps between the data records of an EDF+D file,
// and at values of -32768 below the header's digital minimum.
// Frames at the end of the file that contain only such values are left out.
// Annotation times count from the first sample, at the rate of the fastest signal.
// Without signals the rate is 1000 Hz.
// Annotations before the first sample are dropped.
// Throws Error naming the file and the position of the problem.
std::unique_ptr<RecordingReader> open_edf(const std::filesystem::path& path);

}  // namespace sec::io
