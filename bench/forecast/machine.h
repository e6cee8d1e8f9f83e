// Executes one block of a kernel's machine code, to count the instructions that its warps issue.
//
// Integers, predicates, branches, barriers and shared memory are computed as on a GPU: they determine which
// instructions run, how often, and which addresses they access. Global memory is read and never written.
// Products on tensor cores and packed or double arithmetic are counted but not computed.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "bench/forecast/record.h"
#include "bench/forecast/sass.h"

namespace sec::forecast {

struct BlockRun {
  std::vector<std::uint64_t> issued;  // per instruction: how often a warp issued it
  std::uint64_t all_issued = 0;       // sum of the above
  std::uint64_t longest_warp = 0;     // instructions of the warp that issued most
  std::uint64_t loaded_bytes =
      0;  // of global memory, requested by all threads; copies to shared memory included
  std::uint64_t stored_bytes = 0;
  // Sectors of 32 bytes of global memory (address / 32), each once, in order.
  std::vector<std::uint64_t> loaded, stored;
};

// Runs the block with this index. Throws Error, naming the kernel and the instruction, for an instruction that it
// does not know, an address outside the arena, or a block that does not end.
BlockRun run_block(const Kernel& kernel, const RecordedLaunch& launch, std::array<unsigned, 3> block);

// Sets Instruction::handler of every instruction. Throws Error for an unknown one.
void prepare(Kernel& kernel);

}  // namespace sec::forecast
