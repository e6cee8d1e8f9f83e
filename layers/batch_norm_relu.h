// relu(batch_norm(x)), the end of a convolution that is not pre-activated.
#pragma once

#include "layers/pre_activation.h"

namespace sec::layers {

// (N, L, H, C) to the same shape. One operation where the device has it, else two. Throws Error as batch_norm
// does.
VarWithStats batch_norm_relu(Pass& pass, const BatchNorm& layer, const Var& x, Next next = Next::nothing);

}  // namespace sec::layers
