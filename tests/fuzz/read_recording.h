// Reads a recording in every way that its interface offers and compares the results.
#pragma once

#include "io/recording/reader.h"

namespace sec::fuzz {

void read_recording(io::RecordingReader& reader);

}  // namespace sec::fuzz
