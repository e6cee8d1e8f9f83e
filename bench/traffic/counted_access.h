// Called by the instrumented code of a counted kernel before every memory access.
#pragma once

#include <cstddef>

namespace sec::simt {

// `place` identifies the instruction that accesses memory: it is a return address in the kernel's code.
void counted_access(const void* place, const void* address, std::size_t bytes, bool is_store);

// The running thread begins the basic block at `place`.
void counted_run(const void* place);

}  // namespace sec::simt
