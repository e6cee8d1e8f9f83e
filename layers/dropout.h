// Dropout (Srivastava et al. 2014). The mask is recomputed in the backward pass, not stored.
#pragma once

#include "layers/pass.h"

namespace sec::layers {

// In training, sets each element to zero with probability `p` and divides the other elements by 1 - p.
// The pass's next random key determines the mask. Outside training and for p = 0, returns the input itself.
// Throws Error unless 0 <= p < 1.
Var dropout(Pass& pass, double p, const Var& x);

}  // namespace sec::layers
