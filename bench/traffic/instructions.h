// What the machine code of the running program computes, read with objdump, which comes with the compiler.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace sec::simt {

// For each place, an address that a call of __sanitizer_cov_trace_pc returns to: how many operations on
// floating-point numbers follow until the next such call or jump elsewhere. Each addition, multiplication,
// division, root, minimum and maximum is one, a fused multiplication and addition two, a call of a function
// of the C library's mathematics one. Throws Error if objdump cannot be run.
std::unordered_map<std::uintptr_t, unsigned> float_operations(const std::vector<std::uintptr_t>& places);

// Of one instruction in objdump's notation, without its address: "mulss  %xmm1,%xmm0", "call   1f30
// <expf@plt>".
unsigned float_operations_of(const char* instruction);

}  // namespace sec::simt
