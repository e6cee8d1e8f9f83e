// Dropout (Srivastava et al. 2014) with a mask that is computed, never stored.
#pragma once

#include "layers/pass.h"

namespace sec::layers {

// In training each element becomes zero with probability `p`, else it is divided by 1 - p; which is decided
// by the pass's next random key, and the backward pass computes the same mask again. Outside training, and
// for p = 0, the input itself. Throws Error unless 0 <= p < 1.
Var dropout(Pass& pass, double p, const Var& x);

}  // namespace sec::layers
