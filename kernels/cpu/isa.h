// The cpu device's kernels exist once per instruction set; the machine that runs the program decides which
// set is used.
#pragma once

#include <string_view>
#include <vector>

#include "kernels/table.h"

namespace sec::kernels::cpu {

// Those that this machine can run, slowest first: "baseline", "avx2", "avx512".
std::vector<std::string_view> available_isas();

// The kernels for one of them. Throws Error for an unknown name and for a set that this machine lacks.
const Table& table_of(std::string_view isa);

// The one in use: the fastest, or what the environment variable SEC_CPU_ISA names. Throws Error as table_of.
std::string_view isa_in_use();
const Table& table();

// Whether convolutions may use minimal filtering, on all instruction sets: unless the environment variable
// SEC_CPU_FILTER is "direct". Throws Error on another value than that or "minimal".
bool minimal_filtering();

}  // namespace sec::kernels::cpu
