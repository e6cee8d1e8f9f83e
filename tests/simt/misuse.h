// Kernels and launches that fail on purpose, or that show in which order the engine runs threads.
#pragma once

#include <string_view>
#include <vector>

#include "engine/tensor.h"

namespace sec::kernels::simt {

// Runs the misuse called `name`; misuse.cu lists the names.
void misuse(std::string_view name, Stream& stream);

// The order in which 64 threads of one block reach a statement: before a barrier, and after it.
std::vector<unsigned> order_before_barrier(Stream& stream);
std::vector<unsigned> order_after_barrier(Stream& stream);

// The values that a block reads from shared arrays that it has not written:
// an f32, a bf16, a double and a dynamic array, all converted to f32.
// Two blocks run one after the other; the first fills its arrays before it ends.
std::vector<float> unwritten_shared_memory(Stream& stream);

}  // namespace sec::kernels::simt
