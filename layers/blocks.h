// The two residual blocks of SE-ECGNet (arXiv 2012.05510); details follow the authors' code.
// Both are pre-activation blocks (He et al. 2016): batch norm and ReLU precede each convolution.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "layers/pre_activation.h"
#include "layers/squeeze_excite.h"

namespace sec::layers {

// The shortcut of a block that shortens its input: a 1 x 1 convolution with bias.
// Registers NAME.bn and NAME.conv.
// A layer is a handle to its parameters: the blocks of a stage share a downsample by copying it.
PreActivationConv make_downsample(ParameterSet& set, const std::string& name, std::int64_t channels,
                                  std::int64_t stride);

struct BlockOptions {
  std::int64_t channels = 32;
  std::int64_t k = 3;       // number of taps, odd; the padding is (k - 1) / 2
  std::int64_t stride = 1;  // stride of the first convolution
  std::int64_t convs = 1;   // number of convolutions
  double dropout = 0.2;     // dropout rate, before every convolution but the first
};

// Processes each lead separately: relu(SE(convs(x)) + shortcut(x)).
struct Block2d {
  std::vector<PreActivationConv> convs;
  SqueezeExcite se;
  std::optional<PreActivationConv> downsample;  // if absent, the shortcut is x itself
};

// Processes all leads together: y = SE1(conv1(x)) + downsample(x), then relu(SE2(convs(y)) + y).
struct Block1d {
  PreActivationConv first;
  SqueezeExcite se1;
  PreActivationConv downsample;
  std::vector<PreActivationConv> rest;
  SqueezeExcite se2;
};

// Register NAME.bn1, NAME.conv1, NAME.bn2, ... and the gates: NAME.se, or NAME.se1 and NAME.se2.
// Throw Error on an even kernel size, on fewer than 1 convolution, and if stride > 1 without a downsample.
Block2d make_block_2d(ParameterSet& set, const std::string& name, const BlockOptions& options,
                      const std::optional<PreActivationConv>& downsample);
Block1d make_block_1d(ParameterSet& set, const std::string& name, const BlockOptions& options,
                      const PreActivationConv& downsample);

// x (N, L, H, C) to (N, ceil(L / stride), H, C). A Block1d needs H = 1.
VarWithStats block_2d(Pass& pass, const Block2d& block, const VarWithStats& x);
VarWithStats block_1d(Pass& pass, const Block1d& block, const VarWithStats& x);

// Run several blocks as groups: block i on input x[i]. The blocks may differ in their kernel size only.
// The first convolutions of all blocks form one group of operations, then the second convolutions, and so on.
std::vector<VarWithStats> blocks_2d(Pass& pass, std::span<const Block2d> blocks, std::vector<VarWithStats> x);
std::vector<VarWithStats> blocks_1d(Pass& pass, std::span<const Block1d> blocks, std::vector<VarWithStats> x);

}  // namespace sec::layers
