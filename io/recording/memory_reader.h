// A RecordingReader for a recording that is already in memory.
#pragma once

#include <memory>
#include <vector>

#include "io/recording/reader.h"

namespace sec::io {

std::unique_ptr<RecordingReader> reader_of(Recording recording, std::vector<Annotation> annotations = {});

}  // namespace sec::io
