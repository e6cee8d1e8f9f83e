// Counts arithmetic in the machine code of the running program, as objdump (of binutils) shows it.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace sec::simt {

// For each place (a return address of a call of __sanitizer_cov_trace_pc):
// the number of floating-point operations until the next such call or the next jump.
// Additions, multiplications, divisions, square roots, minima and maxima count as one each.
// A fused multiply-add counts as two, a call of a C library math function as one.
// Throws Error if objdump cannot be run.
std::unordered_map<std::uintptr_t, unsigned> float_operations(const std::vector<std::uintptr_t>& places);

// The floating-point operations of one instruction in objdump's notation without its address.
// Examples are "mulss  %xmm1,%xmm0" and "call   1f30 <expf@plt>".
unsigned float_operations_of(const char* instruction);

}  // namespace sec::simt
