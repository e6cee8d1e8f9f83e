// Counts what kernels do to memory, as a GPU would see it:
// how many bytes of global memory they move, how well the lanes of a warp share 32-byte sectors,
// and how often lanes conflict in a bank of shared memory.
//
// A kernel to be counted is compiled with -fsanitize=thread, which calls a function at every load and store.
// These calls go to the counters instead of ThreadSanitizer (cmake/device_code.cmake: sec_counted_library).
// Accesses by different lanes form one request of the warp if they are each lane's n-th from the same place
// in the program since the lanes of the warp last met.
// Counts are exact for lanes in step: a lane that skipped an access joins the wrong request.
//
// Arithmetic: the coverage instrumentation (-fsanitize-coverage) counts how often basic blocks are executed,
// and objdump shows the operations in each block (instructions.h).
//
// A GPU keeps a thread's stack, kernel arguments and indices in registers.
// Therefore only the arena's memory (global memory) and shared arrays count.
// g++ has already removed loads that it sees to be redundant; nvcc may remove more or fewer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sec::simt {

// Loads, or stores, of global memory.
struct GlobalCounts {
  std::uint64_t requests = 0;        // requests by warps
  std::uint64_t bytes = 0;           // bytes requested by all lanes
  std::uint64_t sectors = 0;         // 32-byte sectors requested from the L1 cache
  std::uint64_t least_sectors = 0;   // sectors needed if each request's bytes were contiguous
  std::uint64_t block_sectors = 0;   // each sector once per block: requests to the L2 cache if the
                                     // L1 cache serves a block's repeated loads
  std::uint64_t distinct_bytes = 0;  // each byte once per launch, the minimum that must move
};

// Loads, or stores, of shared memory.
struct SharedCounts {
  std::uint64_t requests = 0;  // requests by warps
  std::uint64_t bytes = 0;
  std::uint64_t passes = 0;        // a pass serves one word of each of the 32 banks
  std::uint64_t least_passes = 0;  // passes without bank conflicts
  std::uint64_t conflicts() const { return passes - least_passes; }
};

struct KernelCounts {
  std::string file;  // the file that launches the kernel, without its folder
  std::string kernel;
  std::uint64_t launches = 0;
  GlobalCounts loads, stores;
  SharedCounts shared_loads, shared_stores;
  std::uint64_t operations = 0;         // floating-point operations by threads
  std::uint64_t tensor_operations = 0;  // multiplications and additions by mma

  // Bytes between the L2 cache and the multiprocessors: loads once per block, and all stores.
  std::uint64_t bytes_read() const { return 32 * loads.block_sectors; }
  std::uint64_t bytes_written() const { return 32 * stores.sectors; }
  std::uint64_t floor_bytes() const { return loads.distinct_bytes + stores.distinct_bytes; }
};

// Counts since the last call, in order of first launches. Instances of a kernel template count separately.
std::vector<KernelCounts> take_counts();

}  // namespace sec::simt
