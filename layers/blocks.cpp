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

}  // namespace

Var pre_activation_conv(Pass& pass, const PreActivationConv& layer, const Var& x) {
  const Var active = relu(pass, batch_norm(pass, layer.bn, x));
  return conv(pass, layer.conv, dropout(pass, layer.dropout, active));
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
  const Range range("block_2d");
  Var y = x;
  for (const PreActivationConv& layer : block.convs) {
    y = pre_activation_conv(pass, layer, y);
  }
  y = squeeze_excite(pass, block.se, y);
  return relu(pass, add(pass, y, block.downsample ? pre_activation_conv(pass, *block.downsample, x) : x));
}

Var block_1d(Pass& pass, const Block1d& block, const Var& x) {
  const Range range("block_1d");
  Var y = squeeze_excite(pass, block.se1, pre_activation_conv(pass, block.first, x));
  y = add(pass, y, pre_activation_conv(pass, block.downsample, x));
  Var z = y;
  for (const PreActivationConv& layer : block.rest) {
    z = pre_activation_conv(pass, layer, z);
  }
  return relu(pass, add(pass, squeeze_excite(pass, block.se2, z), y));
}

}  // namespace sec::layers
