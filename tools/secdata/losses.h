// Lists what a conversion did not keep.
#pragma once

#include <string>
#include <vector>

#include "io/recording/reader.h"
#include "io/wfdb/annotation.h"

namespace sec::tools {

// Reads both recordings completely.
// Returns short phrases that name how the written recording differs from its source; empty if they are equal.
std::vector<std::string> losses_of(io::RecordingReader& source, io::RecordingReader& written);

// Compares the annotations of a recording and of its conversion in the same way.
std::vector<std::string> losses_of(const io::AnnotationFile& source, const io::AnnotationFile& written);

}  // namespace sec::tools
