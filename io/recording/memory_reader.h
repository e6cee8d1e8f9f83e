// A recording that is in memory already, as a RecordingReader.
#pragma once

#include <memory>
#include <vector>

#include "io/recording/reader.h"

namespace sec::io {

std::unique_ptr<RecordingReader> reader_of(Recording recording, std::vector<Annotation> annotations = {});

}  // namespace sec::io
