// What the instrumented code of a counted kernel calls before every access.
#pragma once

#include <cstddef>

namespace sec::simt {

// `place` tells apart where in the program the running thread accesses memory: a return address.
void counted_access(const void* place, const void* address, std::size_t bytes, bool is_store);

// The running thread begins the instructions at `place`, which it executes one after another.
void counted_run(const void* place);

}  // namespace sec::simt
