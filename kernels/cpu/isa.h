// The cpu device's kernels are compiled once per instruction set; the set is chosen when the program runs.
#pragma once

#include <string_view>
#include <vector>

#include "kernels/table.h"

namespace sec::kernels::cpu {

// The instruction sets that this machine can run, slowest first: "baseline", "avx2", "avx512".
std::vector<std::string_view> available_isas();

// Returns the kernels for an instruction set. Throws Error if its name is unknown or this machine lacks it.
const Table& table_of(std::string_view isa);

// The instruction set in use: the one that the environment variable SEC_CPU_ISA names, otherwise the fastest.
// Throws Error in the cases of table_of.
std::string_view isa_in_use();
const Table& table();

// True if convolutions may use minimal filtering, which is the default.
// The environment variable SEC_CPU_FILTER ("direct" or "minimal") decides.
// Throws Error if the variable has another value.
bool minimal_filtering();

}  // namespace sec::kernels::cpu
