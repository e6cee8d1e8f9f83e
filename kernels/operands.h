// What kernels ask of their operands, and memory for their intermediate results. Nothing here is a template
// or inline: the files of kernels/cpu/ are compiled several times for different instruction sets, and an
// inline function shared by them could end up, from the wrong copy, in a program for a machine that cannot
// run it.
#pragma once

#include "engine/tensor.h"

namespace sec::kernels {

// The operand's elements. Throws Error, beginning with `what` ("conv.forward: x"), unless there are `count`
// of the expected type.
const float* floats(ConstSpan operand, std::int64_t count, const char* what);
float* floats(Span operand, std::int64_t count, const char* what);
const std::int32_t* integers(ConstSpan operand, std::int64_t count, const char* what);
std::int32_t* integers(Span operand, std::int64_t count, const char* what);

// As above, but null for an operand that is not there.
const float* floats_or_null(ConstSpan operand, std::int64_t count, const char* what);
float* floats_or_null(Span operand, std::int64_t count, const char* what);

// Throws Error with `what` unless `condition` holds.
void check(bool condition, const char* what);

// Throws Error unless 0 <= index < count.
void check_index(std::int64_t index, std::int64_t count, const char* what);

// Host memory from the arena, for the length of a call. Content undefined.
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
