#include "layers/blocks.h"

#include "engine/ranges.h"
#include "layers/group_name.h"
#include "layers/residual.h"

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

// Computes the statistics of the inputs once, for the first layers and the shortcuts of the blocks.
template <typename Blocks>
void prepare(Pass& pass, const Blocks& blocks, const PreActivationConv& first, std::vector<VarWithStats>& x) {
  require(blocks.size() == x.size() && !x.empty(), "blocks: {} blocks for {} inputs", blocks.size(),
          x.size());
  if (pass.training && is_fused(pass, first.conv.options.c_in, first.conv.options.c_out)) {
    ensure_statistics(pass, x);
  }
}

// Returns pointers to the layer that `choose` selects in each block.
template <typename Block, typename Choose>
auto of_each(std::span<const Block> blocks, const Choose& choose) {
  std::vector<decltype(&choose(blocks.front()))> layers;
  for (const Block& block : blocks) {
    layers.push_back(&choose(block));
  }
  return layers;
}

}  // namespace

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

VarWithStats block_2d(Pass& pass, const Block2d& block, const VarWithStats& x) {
  return blocks_2d(pass, {&block, 1}, {x})[0];
}

VarWithStats block_1d(Pass& pass, const Block1d& block, const VarWithStats& x) {
  return blocks_1d(pass, {&block, 1}, {x})[0];
}

std::vector<VarWithStats> blocks_2d(Pass& pass, std::span<const Block2d> blocks,
                                    std::vector<VarWithStats> x) {
  const Range range("block_2d", [&] {
    return group_name(blocks,
                      [](const Block2d& block) { return parent_name(block.convs.front().conv.name); });
  });
  prepare(pass, blocks, blocks.front().convs.front(), x);
  std::vector<VarWithStats> y = x;
  const std::size_t count = blocks.front().convs.size();
  for (std::size_t j = 0; j < count; ++j) {
    const auto conv_j = [j](const Block2d& block) -> const auto& {
      return block.convs.at(j);
    };
    y = pre_activation_convs(pass, of_each(blocks, conv_j), y,
                             j + 1 < count ? Next::batch_norm : Next::squeeze);
  }
  std::vector<VarWithStats> shortcut = x;
  if (blocks.front().downsample) {
    const auto downsample = [](const Block2d& block) -> const auto& {
      return block.downsample.value();
    };
    shortcut = pre_activation_convs(pass, of_each(blocks, downsample), x, Next::nothing);
  }
  const auto se = [](const Block2d& block) -> const auto& {
    return block.se;
  };
  return residuals(pass, of_each(blocks, se), y, shortcut, true);
}

std::vector<VarWithStats> blocks_1d(Pass& pass, std::span<const Block1d> blocks,
                                    std::vector<VarWithStats> x) {
  const Range range("block_1d", [&] {
    return group_name(blocks, [](const Block1d& block) { return parent_name(block.first.conv.name); });
  });
  prepare(pass, blocks, blocks.front().first, x);
  const auto first = [](const Block1d& block) -> const auto& {
    return block.first;
  };
  const auto downsample = [](const Block1d& block) -> const auto& {
    return block.downsample;
  };
  std::vector<VarWithStats> y = pre_activation_convs(pass, of_each(blocks, first), x, Next::squeeze);
  const std::vector<VarWithStats> shortcut =
      pre_activation_convs(pass, of_each(blocks, downsample), x, Next::nothing);
  const auto se1 = [](const Block1d& block) -> const auto& {
    return block.se1;
  };
  y = residuals(pass, of_each(blocks, se1), y, shortcut, false);
  std::vector<VarWithStats> z = y;
  const std::size_t count = blocks.front().rest.size();
  for (std::size_t j = 0; j < count; ++j) {
    const auto conv_j = [j](const Block1d& block) -> const auto& {
      return block.rest.at(j);
    };
    z = pre_activation_convs(pass, of_each(blocks, conv_j), z,
                             j + 1 < count ? Next::batch_norm : Next::squeeze);
  }
  const auto se2 = [](const Block1d& block) -> const auto& {
    return block.se2;
  };
  return residuals(pass, of_each(blocks, se2), z, y, true);
}

}  // namespace sec::layers
