// Counts of what kernels do, as a GPU's memory would see it: how many bytes of global memory they move, how
// well the lanes of a warp share its 32-byte sectors, and how often they meet in a bank of shared memory.
//
// A kernel that is to be counted is compiled with -fsanitize=thread, of which only the calls before every
// load and store are used: they come to us instead of ThreadSanitizer (sec_counted_library in
// cmake/device_code.cmake). Loads and stores of the same place in the program, the same number of times since
// the lanes of a warp last met, are one request of the warp. Lanes that go round a loop a different number of
// times, or left a request out, are taken for later ones by that: counts are those of lanes in step.
//
// Arithmetic is counted by the runs of instructions that threads execute (-fsanitize-coverage), and what is
// in them is read from the program itself with objdump (instructions.h).
//
// What lies on a thread's stack is registers on a GPU, and so are the kernel's arguments and indices: only
// the arena's blocks (global memory) and shared arrays count. g++ has removed by then what it can see is
// loaded twice; nvcc may see more or less.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sec::simt {

// Loads, or stores, in global memory.
struct GlobalCounts {
  std::uint64_t requests = 0;       // of a warp
  std::uint64_t bytes = 0;          // asked for, by all lanes
  std::uint64_t sectors = 0;        // of 32 bytes, over all requests: what the first-level cache is asked for
  std::uint64_t least_sectors = 0;  // the same if each request's bytes, each once, lay side by side
  std::uint64_t block_sectors = 0;  // each once a block: what the second-level cache is asked for, if a
                                    // block's loads find all they had before in the first
  std::uint64_t distinct_bytes = 0;  // each once a launch: no kernel that does the same can move less
};

// Loads, or stores, in shared memory.
struct SharedCounts {
  std::uint64_t requests = 0;  // of a warp
  std::uint64_t bytes = 0;
  std::uint64_t passes = 0;        // through the 32 banks of 4 bytes, each of which gives one word a pass
  std::uint64_t least_passes = 0;  // the same without two lanes at different words of a bank
  std::uint64_t conflicts() const { return passes - least_passes; }
};

struct KernelCounts {
  std::string file;  // that launches it, without its folder
  std::string kernel;
  std::uint64_t launches = 0;
  GlobalCounts loads, stores;
  SharedCounts shared_loads, shared_stores;
  std::uint64_t operations = 0;         // on floating-point numbers, by threads
  std::uint64_t tensor_operations = 0;  // multiplications and additions of mma

  // Moved between the second-level cache and the multiprocessors: loads once a block, all stores.
  std::uint64_t bytes_read() const { return 32 * loads.block_sectors; }
  std::uint64_t bytes_written() const { return 32 * stores.sectors; }
  std::uint64_t floor_bytes() const { return loads.distinct_bytes + stores.distinct_bytes; }
};

// All since the last call, in the order of first launches. Instances of a kernel template count apart.
std::vector<KernelCounts> take_counts();

}  // namespace sec::simt
