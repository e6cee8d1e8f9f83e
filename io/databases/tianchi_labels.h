// Label files of the Alibaba Tianchi 2019 (Hefei) contest. Its recordings are read by io/databases/tianchi.h.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "io/databases/labelled_recordings.h"

namespace sec::io {

// Reads one recording per line with the tab-separated fields file name, age, sex and labels.
// Age, sex and trailing fields may be empty. The recordings are files in the folder `signals`;
// a recording's id is its file name without extension. Throws Error, naming file and line,
// on a missing or repeated recording, a malformed age or sex, or text that is not UTF-8.
std::vector<LabelledRecording> read_tianchi_labels(const std::filesystem::path& labels,
                                                   const std::filesystem::path& signals);

// Reads one class name per line. Throws Error, naming file and line, on a repeated or invalid label.
std::vector<std::string> read_class_list(const std::filesystem::path& path);

}  // namespace sec::io
