#include "layers/blocks.h"

#include "engine/ranges.h"
#include "layers/dropout.h"
#include "layers/pointwise.h"

namespace sec::layers {
namespace {

std::vector<PreActivationConv> make_convs(ParameterSet& set, const std::string& name,
                                          const BlockOptions& options) {
  const auto& [channels, k, stride, count, dropout] = options;
  require(k % 2 == 1, "block {}: expected an odd kernel, which keeps the length, got {}", name, k);
  require(count > 0, "block {}: expected at least one convolution, got {}", name, count);
  std::vector<PreActivationConv> convs;
  for (std::int64_t i = 1; i <= count; ++i) {
    const ConvOptions conv{channels, channels, k, i == 1 ? stride : 1, (k - 1) / 2};
    convs.push_back({make_batch_norm(set, fmt::format("{}.bn{}", name, i), channels),
                     make_conv(set, fmt::format("{}.conv{}", name, i), conv), i == 1 ? 0 : dropout});
  }
  return convs;
}

// Each layer on its own input, the convolutions as one operation.
std::vector<Var> side_by_side(Pass& pass, const std::vector<const PreActivationConv*>& layers,
                              const std::vector<Var>& x) {
  std::vector<const Conv*> convolutions;
  std::vector<Var> active;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Var y = relu(pass, batch_norm(pass, layers[i]->bn, x.at(i)));
    active.push_back(dropout(pass, layers[i]->dropout, y));
    convolutions.push_back(&layers[i]->conv);
  }
  return convs(pass, convolutions, active);
}

// One layer of every block.
template <typename Block, typename Choose>
std::vector<const PreActivationConv*> of_each(std::span<const Block> blocks, const Choose& choose) {
  std::vector<const PreActivationConv*> layers;
  for (const Block& block : blocks) {
    layers.push_back(&choose(block));
  }
  return layers;
}

}  // namespace

Var pre_activation_conv(Pass& pass, const PreActivationConv& layer, const Var& x) {
  return side_by_side(pass, {&layer}, {x})[0];
}

PreActivationConv make_downsample(ParameterSet& set, const std::string& name, std::int64_t channels,
                                  std::int64_t stride) {
  const ConvOptions conv{channels, channels, 1, stride, 0, true};
  return {make_batch_norm(set, name + ".bn", channels), make_conv(set, name + ".conv", conv)};
}

Block2d make_block_2d(ParameterSet& set, const std::string& name, const BlockOptions& options,
                      const std::optional<PreActivationConv>& downsample) {
  require(options.stride == 1 || downsample.has_value(), "block {}: stride {} needs a downsample", name,
          options.stride);
  std::vector<PreActivationConv> convs = make_convs(set, name, options);
  return {std::move(convs), make_squeeze_excite(set, name + ".se", options.channels), downsample};
}

Block1d make_block_1d(ParameterSet& set, const std::string& name, const BlockOptions& options,
                      const PreActivationConv& downsample) {
  std::vector<PreActivationConv> convs = make_convs(set, name, options);
  return {convs.front(),
          make_squeeze_excite(set, name + ".se1", options.channels),
          downsample,
          {convs.begin() + 1, convs.end()},
          make_squeeze_excite(set, name + ".se2", options.channels)};
}

Var block_2d(Pass& pass, const Block2d& block, const Var& x) {
  return blocks_2d(pass, {&block, 1}, {x})[0];
}

Var block_1d(Pass& pass, const Block1d& block, const Var& x) {
  return blocks_1d(pass, {&block, 1}, {x})[0];
}

std::vector<Var> blocks_2d(Pass& pass, std::span<const Block2d> blocks, const std::vector<Var>& x) {
  const Range range("block_2d");
  std::vector<Var> y = x;
  for (std::size_t j = 0; j < blocks.front().convs.size(); ++j) {
    const auto conv_j = [j](const Block2d& block) -> const auto& {
      return block.convs.at(j);
    };
    y = side_by_side(pass, of_each(blocks, conv_j), y);
  }
  std::vector<Var> shortcut = x;
  if (blocks.front().downsample) {
    const auto downsample = [](const Block2d& block) -> const auto& {
      return block.downsample.value();
    };
    shortcut = side_by_side(pass, of_each(blocks, downsample), x);
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    y[i] = relu(pass, add(pass, squeeze_excite(pass, blocks[i].se, y[i]), shortcut[i]));
  }
  return y;
}

std::vector<Var> blocks_1d(Pass& pass, std::span<const Block1d> blocks, const std::vector<Var>& x) {
  const Range range("block_1d");
  const auto first = [](const Block1d& block) -> const auto& {
    return block.first;
  };
  const auto downsample = [](const Block1d& block) -> const auto& {
    return block.downsample;
  };
  std::vector<Var> y = side_by_side(pass, of_each(blocks, first), x);
  const std::vector<Var> shortcut = side_by_side(pass, of_each(blocks, downsample), x);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    y[i] = add(pass, squeeze_excite(pass, blocks[i].se1, y[i]), shortcut[i]);
  }
  std::vector<Var> z = y;
  for (std::size_t j = 0; j < blocks.front().rest.size(); ++j) {
    const auto conv_j = [j](const Block1d& block) -> const auto& {
      return block.rest.at(j);
    };
    z = side_by_side(pass, of_each(blocks, conv_j), z);
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    z[i] = relu(pass, add(pass, squeeze_excite(pass, blocks[i].se2, z[i]), y[i]));
  }
  return z;
}

}  // namespace sec::layers
