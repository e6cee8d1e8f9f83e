// The two residual blocks of SE-ECGNet (arXiv 2012.05510, with the details of the authors' code). Both are
// pre-activation blocks (He et al. 2016): normalisation and ReLU come before each convolution.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "layers/pre_activation.h"
#include "layers/squeeze_excite.h"

namespace sec::layers {

// The shortcut of blocks that shorten their input, a 1 x 1 convolution with bias: NAME.bn, NAME.conv. Layers
// are handles: a copy of one shares its parameters, which is how a stage's blocks share one downsample.
PreActivationConv make_downsample(ParameterSet& set, const std::string& name, std::int64_t channels,
                                  std::int64_t stride);

struct BlockOptions {
  std::int64_t channels = 32;
  std::int64_t k = 3;       // taps, odd; the padding is (k - 1) / 2
  std::int64_t stride = 1;  // of the first convolution
  std::int64_t convs = 1;   // in all
  double dropout = 0.2;     // before every convolution but the first
};

// Each lead for itself: relu(SE(convs(x)) + shortcut(x)).
struct Block2d {
  std::vector<PreActivationConv> convs;
  SqueezeExcite se;
  std::optional<PreActivationConv> downsample;  // else the shortcut is x itself
};

// All leads together: y = SE1(conv1(x)) + downsample(x), then relu(SE2(convs(y)) + y).
struct Block1d {
  PreActivationConv first;
  SqueezeExcite se1;
  PreActivationConv downsample;
  std::vector<PreActivationConv> rest;
  SqueezeExcite se2;
};

// Register NAME.bn1, NAME.conv1, NAME.bn2, ...; NAME.se, or NAME.se1 and NAME.se2. Throw Error on an even
// kernel, fewer convolutions than 1, and a Block2d that shortens its input without a downsample.
Block2d make_block_2d(ParameterSet& set, const std::string& name, const BlockOptions& options,
                      const std::optional<PreActivationConv>& downsample);
Block1d make_block_1d(ParameterSet& set, const std::string& name, const BlockOptions& options,
                      const PreActivationConv& downsample);

VarWithStats block_2d(Pass& pass, const Block2d& block,
                      const VarWithStats& x);  // (N, L, H, C) to (N, ceil(L / stride), H, C)
VarWithStats block_1d(Pass& pass, const Block1d& block,
                      const VarWithStats& x);  // (N, L, 1, C) to (N, ceil(L / stride), 1, C)

// Several blocks that differ in their kernels alone, each on its own input and side by side: their first
// convolutions are one operation, then their second ones, and so on.
std::vector<VarWithStats> blocks_2d(Pass& pass, std::span<const Block2d> blocks, std::vector<VarWithStats> x);
std::vector<VarWithStats> blocks_1d(Pass& pass, std::span<const Block1d> blocks, std::vector<VarWithStats> x);

}  // namespace sec::layers
