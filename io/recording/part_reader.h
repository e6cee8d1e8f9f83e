// Presents part of a recording, a time window of some of its leads, as a recording.
#pragma once

#include <memory>
#include <vector>

#include "io/recording/reader.h"

namespace sec::io {

// Frames `begin` to `end` (exclusive) of the leads with the given indices, in the given order.
// Annotations outside the window are dropped; the others count samples from the window's beginning.
// Throws Error if the window is not inside the recording.
std::unique_ptr<RecordingReader> part_of(std::unique_ptr<RecordingReader> whole, std::int64_t begin,
                                         std::int64_t end, const std::vector<std::size_t>& leads);

}  // namespace sec::io
