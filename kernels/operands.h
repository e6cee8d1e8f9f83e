// Checks of a kernel's operands, and memory for intermediate results.
// Nothing in this file may be a template or inline. kernels/cpu/ is compiled once per instruction set,
// and the linker could choose the AVX-512 copy of an inline function for a machine without AVX-512.
#pragma once

#include "engine/tensor.h"

namespace sec::kernels {

// Returns the operand's elements. Throws Error unless it has `count` elements of the expected type.
// The message begins with `what`, such as "conv.forward: x".
const float* floats(ConstSpan operand, std::int64_t count, const char* what);
float* floats(Span operand, std::int64_t count, const char* what);
const std::int32_t* integers(ConstSpan operand, std::int64_t count, const char* what);
std::int32_t* integers(Span operand, std::int64_t count, const char* what);

// As `floats`, but returns null if the operand is empty.
const float* floats_or_null(ConstSpan operand, std::int64_t count, const char* what);
float* floats_or_null(Span operand, std::int64_t count, const char* what);

// Throws Error with `what` unless `condition` holds.
void check(bool condition, const char* what);

// Throws Error unless 0 <= index < count.
void check_index(std::int64_t index, std::int64_t count, const char* what);

// Uninitialised host memory from the arena, released when the object goes out of scope.
class Scratch {
 public:
  explicit Scratch(std::int64_t count);  // floats
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  float* data() const { return data_; }

 private:
  std::shared_ptr<Storage> storage_;
  float* data_;
};

}  // namespace sec::kernels
