// relu(batch_norm(x)), for convolutions that are followed, not preceded, by batch norm.
#pragma once

#include "layers/pre_activation.h"

namespace sec::layers {

// Applies relu(batch_norm(x)) to x (N, L, H, C); the result has the same shape.
// Throws the errors of batch_norm.
// Runs as one fused operation if the device supports it, otherwise as two operations.
VarWithStats batch_norm_relu(Pass& pass, const BatchNorm& layer, const Var& x, Next next = Next::nothing);

}  // namespace sec::layers
