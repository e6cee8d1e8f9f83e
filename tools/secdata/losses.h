// What a conversion did not keep.
#pragma once

#include <string>
#include <vector>

#include "io/recording/reader.h"
#include "io/wfdb/annotation.h"

namespace sec::tools {

// Reads both recordings through and says, a short phrase each, in what the written one differs from its
// source; empty if in nothing.
std::vector<std::string> losses_of(io::RecordingReader& source, io::RecordingReader& written);

// The same of their annotations.
std::vector<std::string> losses_of(const io::AnnotationFile& source, const io::AnnotationFile& written);

}  // namespace sec::tools
