// Where the program lies in memory: instrumentation reports addresses there, and tools that read its file want those in it.
#pragma once

#include <link.h>

#include <cstdint>

namespace sec {

// The difference between the program's addresses in memory and those in its file.
inline std::uintptr_t load_bias() {
  std::uintptr_t bias = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* result) {
        *static_cast<std::uintptr_t*>(result) = info->dlpi_addr;
        return 1;  // the first object is the program
      },
      &bias);
  return bias;
}

}  // namespace sec
