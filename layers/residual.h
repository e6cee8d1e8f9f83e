// The end of a residual block: relu(squeeze_excite(x) + shortcut).
#pragma once

#include <vector>

#include "layers/pre_activation.h"
#include "layers/squeeze_excite.h"

namespace sec::layers {

// Ends a group of blocks: y[i] = squeeze_excite(x[i]) + shortcuts[i], followed by ReLU if `active`.
// x[i], shortcuts[i] and y[i] have the same shape (N, L, H, C).
// The group runs fused if the pass fuses all of its layers, otherwise as separate operations.
std::vector<VarWithStats> residuals(Pass& pass, const std::vector<const SqueezeExcite*>& layers,
                                    const std::vector<VarWithStats>& x,
                                    const std::vector<VarWithStats>& shortcuts, bool active);

}  // namespace sec::layers
