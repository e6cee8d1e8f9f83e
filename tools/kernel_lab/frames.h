// Finds the lines of the source that return addresses stand for, from the program's debug information.
#pragma once

#include <vector>

#include "tools/kernel_lab/trace.h"

namespace sec::lab {

// For each place of the trace: its frames, innermost first, up to the kernel's.
// Throws Error if addr2line (of binutils) cannot be run.
std::vector<std::vector<Frame>> frames_of(const Trace& trace);

}  // namespace sec::lab
