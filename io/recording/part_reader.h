// Part of a recording as a recording: a window of it, some of its leads.
#pragma once

#include <memory>
#include <vector>

#include "io/recording/reader.h"

namespace sec::io {

// Frames `begin` to `end` (not included) of the leads with these indices, in that order. Of the annotations
// those in the window, counted from its beginning. Throws Error if the window leaves the recording.
std::unique_ptr<RecordingReader> part_of(std::unique_ptr<RecordingReader> whole, std::int64_t begin,
                                         std::int64_t end, const std::vector<std::size_t>& leads);

}  // namespace sec::io
