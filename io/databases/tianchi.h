// Recordings in the text format of the Alibaba Tianchi 2019 (Hefei) contest:
// a header line with the lead names, then one line of space-separated whole numbers per sample.
#pragma once

#include <filesystem>

#include "io/recording/recording.h"

namespace sec::io {

inline constexpr double tianchi_rate = 500;            // Hz
inline constexpr double tianchi_millivolts = 4.88e-3;  // mV per unit
inline constexpr std::int64_t tianchi_samples = 5000;  // 10 s

// Reads the contest's eight leads, converted to mV. Throws Error, naming file and line, on a different
// header. The file must have 5000 samples, in lines of exactly eight numbers.
Recording read_tianchi(const std::filesystem::path& path);

}  // namespace sec::io
