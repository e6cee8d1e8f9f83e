// Recordings in the text form of the Alibaba Tianchi 2019 (Hefei) contest: a header line of lead names, then
// a line of whole numbers per sample, separated by spaces.
#pragma once

#include <filesystem>

#include "io/recording/recording.h"

namespace sec::io {

inline constexpr double tianchi_rate = 500;            // Hz
inline constexpr double tianchi_millivolts = 4.88e-3;  // of one unit
inline constexpr std::int64_t tianchi_samples = 5000;  // 10 s

// The contest's eight leads in mV. Throws Error, naming the file and the line, on another header, a line
// without eight numbers, and unless there are 5000.
Recording read_tianchi(const std::filesystem::path& path);

}  // namespace sec::io
