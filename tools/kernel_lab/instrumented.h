// Called by the code that g++ inserts into kernels under -fsanitize=thread.
#pragma once

#include <cstddef>

namespace sec::lab {

// `place` is a return address in the kernel's code, just after the call that precedes the access.
void traced_access(const void* place, const void* address, std::size_t bytes, bool is_store);
void traced_entry(const void* caller);  // a function begins; `caller` is its return address
void traced_exit();

}  // namespace sec::lab
