// Operations on each element, and those that only arrange elements.
#pragma once

#include <vector>

#include "layers/pass.h"

namespace sec::layers {

Var relu(Pass& pass, const Var& x);     // any shape; the derivative at 0 is 0
Var sigmoid(Pass& pass, const Var& x);  // any shape

// The sum of two tensors of one shape. Throws Error on different shapes.
Var add(Pass& pass, const Var& a, const Var& b);

// The same values in another type, rounded to nearest where it is bf16; x itself where it has that type. The
// gradient is converted back.
Var cast(Pass& pass, const Var& x, DType type);

// One factor per sample and channel, for all positions. Throws Error on other shapes.
Var gate(Pass& pass, const Var& x,  // (N, L, H, C)
         const Var& factors);       // (N, C)

// Side by side: tensors (N, C1), (N, C2), ... to (N, C1 + C2 + ...). Throws Error on other shapes.
Var concat(Pass& pass, const std::vector<Var>& parts);

// The other way round: columns (N, C1 + C2 + ...) to (N, C1), (N, C2), ...; a part of no columns is an
// undefined tensor. Throws Error unless the widths add up.
std::vector<Var> split(Pass& pass, const Var& x, const std::vector<std::int64_t>& widths);

// The same elements under another shape of equal count: no copy, forward or backward. Throws Error on another
// count.
Var view(Pass& pass, const Var& x, const Shape& shape);

}  // namespace sec::layers
