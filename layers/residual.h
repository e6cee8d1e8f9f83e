// The end of a residual block: relu(squeeze_excite(x) + shortcut).
#pragma once

#include <vector>

#include "layers/pre_activation.h"
#include "layers/squeeze_excite.h"

namespace sec::layers {

// The ends of several blocks side by side, each on its own operands: (N, L, H, C) twice to the same shape,
// with ReLU if `active`; as two operations and the excite between them where the device has them and the pass
// wants them, else one after another.
std::vector<VarWithStats> residuals(Pass& pass, const std::vector<const SqueezeExcite*>& layers,
                                    const std::vector<VarWithStats>& x,
                                    const std::vector<VarWithStats>& shortcuts, bool active);

}  // namespace sec::layers
