// Records what a block of a launch does on the simt device: every load and store of global and shared memory, cp.async,
// barriers and products on tensor cores, with threads, addresses and places in the source.
// A kernel to be recorded is compiled with -fsanitize=thread, which calls a function at every load and store, and at the
// entry and exit of every function. These calls come here (instrumented.cpp, cmake/device_code.cmake: sec_traced_library).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tools/kernel_lab/trace.h"

namespace sec::lab {

struct Watch {
  std::vector<std::string>
      kernels;  // the first launch whose kernel's name begins with one of these is recorded
  std::array<unsigned, 3> block{};
  bool records = true;              // false: only the launches' sizes are noted
  std::string scratch = "scratch";  // the name of memory that the launcher allocates
  std::vector<std::int64_t> scratch_shape;
  std::size_t most_events = 40'000;
};

// Begins a trace. `arrays`: the tensors that the launch is given.
void watch(const Watch& watch, const std::vector<Array>& arrays);
// Ends the trace. Throws Error if the block makes more requests than most_events, or is outside of the grid.
Trace take_trace();

}  // namespace sec::lab
