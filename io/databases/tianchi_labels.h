// Label files of the Alibaba Tianchi 2019 (Hefei) contest, whose recordings tianchi.h reads.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "io/databases/labelled_recordings.h"

namespace sec::io {

// A line a recording, its fields separated by tabs: file name, age, sex, labels. Age and sex may be empty,
// and so may fields at the end. Recordings are files of `signals`; ids are their names without extension.
// Throws Error naming file and line: a recording that is missing or listed twice, an age or a sex that is
// none, text that is not UTF-8.
std::vector<LabelledRecording> read_tianchi_labels(const std::filesystem::path& labels,
                                                   const std::filesystem::path& signals);

// A class name a line. Throws Error, naming file and line, on one that is there twice or no label.
std::vector<std::string> read_class_list(const std::filesystem::path& path);

}  // namespace sec::io
