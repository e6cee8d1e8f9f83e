// The end of a residual block: relu(squeeze_excite(x) + shortcut).
#pragma once

#include "layers/pre_activation.h"
#include "layers/squeeze_excite.h"

namespace sec::layers {

// (N, L, H, C) twice to the same shape, with ReLU if `active`; as two operations and the excite between them
// where the device has them and the pass wants them, else one after another.
Signal residual(Pass& pass, const SqueezeExcite& layer, const Signal& x, const Var& shortcut, bool active);

}  // namespace sec::layers
