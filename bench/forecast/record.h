// The kernel launches of a step, recorded on the simt device without running them.
// A program that links record.cpp runs no kernels: engine/simt/observer.h says how.
// Its tensors are address space only. Pages that the host never writes use no memory.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/launch_size.h"

namespace sec::forecast {

struct RecordedLaunch {
  std::string file;    // conv_tensor.cu, without its folder
  std::string kernel;  // conv_tensor<bf16, 64, Dgrad, true>
  LaunchSize size;
  std::vector<unsigned char> parameters;  // in CUDA's layout
};

// A block of the arena's memory.
struct Block {
  std::uint64_t begin = 0, bytes = 0;
  bool holds(std::uint64_t address) const { return address - begin < bytes; }
};

// The launches since the last call, in order.
std::vector<RecordedLaunch> take_launches();

// The block that an address belongs to; one of 0 bytes if it belongs to none.
Block block_of(std::uint64_t address);

}  // namespace sec::forecast
