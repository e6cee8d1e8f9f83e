// Kernels and launches that go wrong on purpose, or that show how the engine runs threads.
#pragma once

#include <string_view>
#include <vector>

#include "engine/tensor.h"

namespace sec::kernels::simt {

// The misuse called `name`; see misuse.cu.
void misuse(std::string_view name, Stream& stream);

// The order in which 64 threads of one block pass a place: before a barrier, and after it.
std::vector<unsigned> order_before_barrier(Stream& stream);
std::vector<unsigned> order_after_barrier(Stream& stream);

// What a block reads of arrays that it has not written: f32, bf16 (as f32), double (as f32) and dynamic
// memory (as f32), for two blocks in turn of which the first fills the arrays at the end.
std::vector<float> unwritten_shared_memory(Stream& stream);

}  // namespace sec::kernels::simt
