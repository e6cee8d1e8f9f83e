// Differences between a recording and its conversion.
#pragma once

#include <string>
#include <vector>

#include "io/recording/reader.h"
#include "io/wfdb/annotation.h"

namespace sec::tools {

// Reads both recordings to the end. Returns a short phrase for each difference; empty if they agree.
std::vector<std::string> losses_of(io::RecordingReader& source, io::RecordingReader& written);

// Likewise for two sets of annotations.
std::vector<std::string> losses_of(const io::AnnotationFile& source, const io::AnnotationFile& written);

}  // namespace sec::tools
