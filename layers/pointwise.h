// Element-wise operations, and operations that rearrange elements.
#pragma once

#include <vector>

#include "layers/pass.h"

namespace sec::layers {

Var relu(Pass& pass, const Var& x);     // any shape; the derivative at 0 is 0
Var sigmoid(Pass& pass, const Var& x);  // any shape

// a + b. Throws Error if the shapes differ.
Var add(Pass& pass, const Var& a, const Var& b);

// Converts x to another element type, rounding to nearest for bf16. Returns x itself if it has that type.
// The backward pass converts the gradient to the type of x.
Var cast(Pass& pass, const Var& x, DType type);

// Multiplies each channel of a sample by a factor. Throws Error on other shapes.
Var gate(Pass& pass, const Var& x,  // (N, L, H, C)
         const Var& factors);       // (N, C)

// Concatenates (N, C1), (N, C2), ... to (N, C1 + C2 + ...). Throws Error on other shapes.
Var concat(Pass& pass, const std::vector<Var>& parts);

// Splits x (N, C1 + C2 + ...) into (N, C1), (N, C2), .... A part of width 0 is an undefined tensor.
// Throws Error unless the widths add up to the columns of x.
std::vector<Var> split(Pass& pass, const Var& x, const std::vector<std::int64_t>& widths);

// The same elements with another shape of equal count, without a copy in either direction.
// Throws Error if the counts differ.
Var view(Pass& pass, const Var& x, const Shape& shape);

}  // namespace sec::layers
