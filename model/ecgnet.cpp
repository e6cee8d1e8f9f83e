#include "model/baselines.h"

#include <algorithm>
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
#include "layers/lstm.h"
#include "layers/pointwise.h"
#include "layers/pool.h"
#include "model/summary.h"

namespace sec::model {

using namespace layers;  // NOLINT(google-build-using-namespace): a network is written in layers

namespace {

constexpr std::array<std::int64_t, 4> parallel_taps = {15, 17, 19, 21};
constexpr std::int64_t taps = 17;
constexpr std::int64_t block_count = 15;
constexpr PoolOptions halve{2, 2, 0};
constexpr PoolOptions last_pool{8, 8, 2};

// max_pool(conv2(dropout(relu(bn2(conv1(relu(bn1(x)))))))) + max_pool(shortcut(x)).
// Every other block has no pooling.
struct Block {
  BatchNorm bn1;
  Conv conv1;
  BatchNorm bn2;
  Conv conv2;
  std::optional<Conv> shortcut;  // if absent, the shortcut is x itself
  bool pools = false;
};

Block make_block(ParameterSet& set, const std::string& name, std::int64_t in, std::int64_t out, bool pools) {
  Block block;
  block.bn1 = make_batch_norm(set, name + ".bn1", in);
  block.conv1 = make_conv(set, name + ".conv1", {in, out, taps, 1, taps / 2});
  block.bn2 = make_batch_norm(set, name + ".bn2", out);
  block.conv2 = make_conv(set, name + ".conv2", {out, out, taps, 1, taps / 2});
  if (in != out) {
    block.shortcut = make_conv(set, name + ".shortcut", {in, out, 1});
  }
  block.pools = pools;
  return block;
}

Var run(Pass& pass, const Block& block, double p, const Var& x) {
  const Range range("block", [&] { return parent_name(block.conv1.name); });
  Var y = conv(pass, block.conv1, batch_norm_relu(pass, block.bn1, x));
  y = conv(pass, block.conv2, dropout(pass, p, batch_norm_relu(pass, block.bn2, y)));
  Var shortcut = block.shortcut ? conv(pass, *block.shortcut, x) : x;
  if (block.pools) {
    y = max_pool(pass, halve, y);
    shortcut = max_pool(pass, halve, shortcut);
  }
  return add(pass, y, shortcut);
}

// The number of time steps that the first block receives for an input of `length` samples.
std::int64_t steps_of(std::int64_t length) {
  std::int64_t beside = 0;
  for (const std::int64_t k : parallel_taps) {
    beside += length - k + 1;
  }
  return (beside + 4 - taps) / 2 + 1;
}

std::int64_t shortest_length() {
  std::int64_t length = parallel_taps.back();
  while (steps_of(length) < (1 << (block_count / 2))) {
    ++length;
  }
  return length;
}

// The number of time steps before the last pooling, whether they fill its window, and the number after it.
std::int64_t steps_left(std::int64_t length) {
  return steps_of(length) >> (block_count / 2);
}
bool fits_last_pool(std::int64_t length) {
  return steps_left(length) + 2 * last_pool.pad >= last_pool.k;
}
std::int64_t steps_pooled(std::int64_t length) {
  return fits_last_pool(length)
             ? (steps_left(length) + 2 * last_pool.pad - last_pool.k) / last_pool.stride + 1
             : 1;
}

}  // namespace

struct EcgNet::Layers {
  NetworkOptions options;
  ParameterSet set;
  std::vector<Conv> parallel;
  BatchNorm bn1;
  Conv conv1;
  std::vector<Block> blocks;
  BatchNorm bn2;
  Lstm lstm;
  Linear fc;
};

EcgNet::EcgNet(const NetworkOptions& options) : layers_(std::make_unique<Layers>()) {
  check_options(options, "ecgnet", "ECGNet");
  const std::int64_t shortest = shortest_length();
  require(options.length >= shortest, "ECGNet: {} samples are too few, the shortest input is {}",
          options.length, shortest);
  layers_->options = options;
  ParameterSet& set = layers_->set;
  const std::int64_t w = options.width;
  for (std::size_t i = 0; i < parallel_taps.size(); ++i) {
    layers_->parallel.push_back(
        make_conv(set, fmt::format("parallel.{}", i), {options.leads, w, parallel_taps[i]}));
  }
  layers_->bn1 = make_batch_norm(set, "bn1", w);
  layers_->conv1 = make_conv(set, "conv1", {w, w, taps, 2, 2});
  std::int64_t channels = w;
  for (std::int64_t i = 0; i < block_count; ++i) {
    const std::int64_t out = channels + (i % 4 == 3 ? w : 0);
    layers_->blocks.push_back(make_block(set, fmt::format("blocks.{}", i), channels, out, i % 2 == 1));
    channels = out;
  }
  layers_->bn2 = make_batch_norm(set, "bn2", channels);
  layers_->lstm = make_lstm(set, "lstm", {options.leads, std::max<std::int64_t>(w * 5 / 2, 1)});
  const std::int64_t features = steps_pooled(options.length) * channels + layers_->lstm.options.out();
  layers_->fc = make_linear(set, "fc", features + options.covariates, options.classes);
}

EcgNet::EcgNet(const NetworkOptions& options, Stream& stream, std::uint64_t seed) : EcgNet(options) {
  layers_->set.allocate(stream, seed);
}

EcgNet::~EcgNet() = default;

Var EcgNet::forward(Pass& pass, const Var& x, const Var& covariates) {
  const Range range("ecgnet");
  const NetworkOptions& o = layers_->options;
  const std::int64_t n = check_inputs(o, "ECGNet", x, covariates);
  const Var input = cast(pass, x, pass.activations);
  const Var leads = view(pass, input, {n, o.length, 1, o.leads});  // (N, L, 1, H), a view
  std::vector<Var> parts;
  for (const Conv& layer : layers_->parallel) {
    const Var y = conv(pass, layer, leads);                      // (N, L - k + 1, 1, W)
    parts.push_back(view(pass, y, {n, y.shape().count() / n}));  // (N, (L - k + 1) W)
  }
  Var y = concat(pass, parts);                                             // (N, about 4 L W)
  y = view(pass, y, {n, y.shape()[1] / o.width, 1, o.width});              // (N, about 4 L, 1, W)
  y = conv(pass, layers_->conv1, batch_norm_relu(pass, layers_->bn1, y));  // (N, about 2 L, 1, W)
  for (const Block& block : layers_->blocks) {
    y = run(pass, block, o.dropout, y);  // finally (N, about L / 64, 1, 4 W)
  }
  y = batch_norm_relu(pass, layers_->bn2, y);
  // A short input has too few time steps for the released pooling. Then pool over all time steps.
  y = fits_last_pool(o.length) ? average_pool(pass, last_pool, y) : global_average_pool(pass, y);
  const Var states = lstm(pass, layers_->lstm, view(pass, input, {n, o.length, o.leads}));  // (N, L, 5/2 W)
  std::vector<Var> features = {view(pass, y, {n, y.shape().count() / n}),                   // (N, L' 4 W)
                               last_states(pass, layers_->lstm, states)};                   // (N, 5/2 W)
  if (o.covariates > 0) {
    features.push_back(covariates);  // (N, K)
  }
  return head(pass, layers_->fc, std::move(features));  // (N, classes)
}

const NetworkOptions& EcgNet::options() const {
  return layers_->options;
}

ParameterSet& EcgNet::parameters() {
  return layers_->set;
}

std::string EcgNet::summary() const {
  const NetworkOptions& o = layers_->options;
  Summary table({o.length, 1, o.leads});
  std::int64_t steps = 0;
  for (const Conv& layer : layers_->parallel) {
    table.set_sample({o.length, 1, o.leads});
    table.conv(layer);
    steps += table.sample()[0];
  }
  table.set_sample({steps, 1, o.width});
  table.batch_norm(layers_->bn1);
  table.conv(layers_->conv1);
  for (const Block& block : layers_->blocks) {
    const Shape input = table.sample();
    table.batch_norm(block.bn1);
    table.conv(block.conv1);
    table.batch_norm(block.bn2);
    table.conv(block.conv2);
    if (block.shortcut) {
      table.set_sample(input);
      table.conv(*block.shortcut);
    }
    if (block.pools) {
      table.pool(halve);
    }
  }
  table.batch_norm(layers_->bn2);
  table.lstm(layers_->lstm, o.length);
  table.linear(layers_->fc);
  return table.text();
}

}  // namespace sec::model
