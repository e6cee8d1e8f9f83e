#include "model/baselines.h"

#include <array>
#include <optional>
#include <vector>

#include "engine/ranges.h"
#include "layers/batch_norm.h"
#include "layers/batch_norm_relu.h"
#include "layers/conv.h"
#include "layers/dropout.h"
#include "layers/group_name.h"
#include "layers/linear.h"
#include "layers/pointwise.h"
#include "layers/pool.h"
#include "model/summary.h"

namespace sec::model {

using namespace layers;  // NOLINT(google-build-using-namespace): a network is written in layers

namespace {

constexpr std::array<std::size_t, 4> stage_blocks = {3, 4, 6, 3};
constexpr std::int64_t taps = 7;
constexpr PoolOptions stem_pool{3, 2, 1};

// relu(bn2(conv2(dropout(relu(bn1(conv1(x)))))) + shortcut(x)).
struct Block {
  Conv conv1;
  BatchNorm bn1;
  Conv conv2;
  BatchNorm bn2;
  std::optional<Conv> shortcut;  // if absent, the shortcut is x itself
  BatchNorm shortcut_bn;
};

Block make_block(ParameterSet& set, const std::string& name, std::int64_t in, std::int64_t out,
                 std::int64_t stride) {
  Block block;
  block.conv1 = make_conv(set, name + ".conv1", {in, out, taps, stride, taps / 2});
  block.bn1 = make_batch_norm(set, name + ".bn1", out);
  block.conv2 = make_conv(set, name + ".conv2", {out, out, taps, 1, taps / 2});
  block.bn2 = make_batch_norm(set, name + ".bn2", out);
  if (in != out || stride != 1) {
    block.shortcut = make_conv(set, name + ".downsample.0", {in, out, 1, stride});
    block.shortcut_bn = make_batch_norm(set, name + ".downsample.1", out);
  }
  return block;
}

Var run(Pass& pass, const Block& block, double p, const Var& x) {
  const Range range("block", [&] { return parent_name(block.conv1.name); });
  Var y = batch_norm_relu(pass, block.bn1, conv(pass, block.conv1, x));
  y = batch_norm(pass, block.bn2, conv(pass, block.conv2, dropout(pass, p, y)));
  const Var shortcut =
      block.shortcut ? batch_norm(pass, block.shortcut_bn, conv(pass, *block.shortcut, x)) : x;
  return relu(pass, add(pass, y, shortcut));
}

}  // namespace

struct ResNet34::Layers {
  NetworkOptions options;
  ParameterSet set;
  Conv stem;
  BatchNorm stem_bn;
  std::vector<Block> blocks;
  Linear fc;
};

ResNet34::ResNet34(const NetworkOptions& options) : layers_(std::make_unique<Layers>()) {
  check_options(options, "resnet34", "ResNet34-1d");
  layers_->options = options;
  ParameterSet& set = layers_->set;
  std::int64_t channels = options.width;
  layers_->stem = make_conv(set, "conv1", {options.leads, channels, 15, 2, 7});
  layers_->stem_bn = make_batch_norm(set, "bn1", channels);
  for (std::size_t stage = 0; stage < stage_blocks.size(); ++stage) {
    const std::int64_t out = options.width << stage;
    for (std::size_t i = 0; i < stage_blocks[stage]; ++i) {
      const std::int64_t stride = stage > 0 && i == 0 ? 2 : 1;
      layers_->blocks.push_back(
          make_block(set, fmt::format("layer{}.{}", stage + 1, i), channels, out, stride));
      channels = out;
    }
  }
  layers_->fc = make_linear(set, "fc", channels + options.covariates, options.classes);
}

ResNet34::ResNet34(const NetworkOptions& options, Stream& stream, std::uint64_t seed) : ResNet34(options) {
  layers_->set.allocate(stream, seed);
}

ResNet34::~ResNet34() = default;

Var ResNet34::forward(Pass& pass, const Var& x, const Var& covariates) {
  const Range range("resnet34");
  const NetworkOptions& o = layers_->options;
  const std::int64_t n = check_inputs(o, "ResNet34-1d", x, covariates);
  Var y = cast(pass, x, pass.activations);         // (N, L, H, 1)
  y = view(pass, y, {n, o.length, 1, o.leads});    // (N, L, 1, H), a view
  y = conv(pass, layers_->stem, y);                // (N, ceil(L / 2), 1, W)
  y = batch_norm_relu(pass, layers_->stem_bn, y);  // (N, ceil(L / 2), 1, W)
  y = max_pool(pass, stem_pool, y);                // (N, about L / 4, 1, W)
  for (const Block& block : layers_->blocks) {
    y = run(pass, block, o.dropout, y);  // finally (N, about L / 32, 1, 8 W)
  }
  std::vector<Var> features = {global_average_pool(pass, y)};  // (N, 8 W)
  if (o.covariates > 0) {
    features.push_back(covariates);  // (N, K)
  }
  return head(pass, layers_->fc, std::move(features));  // (N, 8 W + K) to (N, classes)
}

const NetworkOptions& ResNet34::options() const {
  return layers_->options;
}

ParameterSet& ResNet34::parameters() {
  return layers_->set;
}

std::string ResNet34::summary() const {
  Summary table({layers_->options.length, 1, layers_->options.leads});
  table.conv(layers_->stem);
  table.batch_norm(layers_->stem_bn);
  table.pool(stem_pool);
  for (const Block& block : layers_->blocks) {
    const Shape input = table.sample();
    table.conv(block.conv1);
    table.batch_norm(block.bn1);
    table.conv(block.conv2);
    table.batch_norm(block.bn2);
    if (block.shortcut) {
      table.set_sample(input);
      table.conv(*block.shortcut);
      table.batch_norm(block.shortcut_bn);
    }
  }
  table.linear(layers_->fc);
  return table.text();
}

}  // namespace sec::model
