#include "model/baselines.h"

#include <array>
#include <vector>

#include "engine/ranges.h"
#include "layers/conv.h"
#include "layers/dropout.h"
#include "layers/linear.h"
#include "layers/lstm.h"
#include "layers/pointwise.h"
#include "layers/pool.h"
#include "model/summary.h"

namespace sec::model {

using namespace layers;  // NOLINT(google-build-using-namespace): a network is written in layers

namespace {

constexpr std::int64_t taps = 36;
constexpr std::int64_t conv_count = 3;
constexpr PoolOptions beat_pool{16, 16, 0};
constexpr std::int64_t intervals = 2;  // per heartbeat
constexpr std::int64_t lstm_layers = 2;

// dropout(max_pool(relu(conv(relu(conv(relu(conv(x)))))))) per heartbeat, then an LSTM over the heartbeats.
struct Stack {
  std::vector<Conv> convs;
  Lstm lstm;
};

// The number of time steps of a heartbeat after the convolutions and the pooling.
std::int64_t steps_of(std::int64_t samples) {
  return (samples - conv_count * (taps - 1)) / beat_pool.k;
}

}  // namespace

struct BiRcnn::Layers {
  NetworkOptions options;
  ParameterSet set;
  std::array<Stack, 2> stacks;
  Lstm interval_lstm;
  Linear fc;
};

BiRcnn::BiRcnn(const NetworkOptions& options) : layers_(std::make_unique<Layers>()) {
  check_options(options, "bircnn", "BiRCNN");
  const std::int64_t samples = options.length / options.beats;
  constexpr std::int64_t shortest = conv_count * (taps - 1) + beat_pool.k;
  require(options.length == samples * options.beats,
          "BiRCNN: expected {} heartbeats of equal length, got {} samples", options.beats, options.length);
  require(samples >= shortest, "BiRCNN: {} samples of a heartbeat are too few, the shortest has {}", samples,
          shortest);
  require(options.covariates >= intervals * options.beats,
          "BiRCNN: expected the {} intervals of each of {} heartbeats as covariates, got {} covariates",
          intervals, options.beats, options.covariates);
  layers_->options = options;
  ParameterSet& set = layers_->set;
  const std::int64_t w = options.width;
  const double between = options.dropout / 2;
  for (std::size_t i = 0; i < layers_->stacks.size(); ++i) {
    Stack& stack = layers_->stacks[i];
    const std::string name = fmt::format("stack{}", i + 1);
    for (std::int64_t k = 0; k < conv_count; ++k) {
      stack.convs.push_back(
          make_conv(set, fmt::format("{}.conv{}", name, k + 1), {k == 0 ? options.leads : w, w, taps}));
    }
    stack.lstm = make_lstm(set, name + ".lstm", {steps_of(samples) * w, w, lstm_layers, true, between});
  }
  layers_->interval_lstm = make_lstm(set, "intervals", {intervals, w, lstm_layers, true, between});
  const std::int64_t more = options.covariates - intervals * options.beats;
  layers_->fc = make_linear(set, "fc", 6 * w + more, options.classes);
}

BiRcnn::BiRcnn(const NetworkOptions& options, Stream& stream, std::uint64_t seed) : BiRcnn(options) {
  layers_->set.allocate(stream, seed);
}

BiRcnn::~BiRcnn() = default;

Var BiRcnn::forward(Pass& pass, const Var& x, const Var& covariates) {
  const Range range("bircnn");
  const NetworkOptions& o = layers_->options;
  const std::int64_t n = check_inputs(o, "BiRCNN", x, covariates);
  const std::int64_t b = o.beats;
  const Var input = cast(pass, x, pass.activations);
  const Var beats = view(pass, input, {n * b, o.length / b, 1, o.leads});  // (N B, L, 1, H), L per heartbeat
  std::vector<Var> features;
  for (const Stack& stack : layers_->stacks) {
    Var y = beats;
    for (const Conv& layer : stack.convs) {
      y = relu(pass, conv(pass, layer, y));  // (N B, L - 105, 1, W) after three convolutions
    }
    y = dropout(pass, o.dropout, max_pool(pass, beat_pool, y));                // (N B, L', 1, W)
    y = lstm(pass, stack.lstm, view(pass, y, {n, b, stack.lstm.options.in}));  // (N, B, 2 W)
    features.push_back(last_states(pass, stack.lstm, y));                      // (N, 2 W)
  }
  const std::int64_t known = intervals * b;
  const std::vector<Var> parts = split(pass, covariates, {known, o.covariates - known});
  const Lstm& over_intervals = layers_->interval_lstm;
  const Var y = lstm(pass, over_intervals, view(pass, parts[0], {n, b, intervals}));  // (N, B, 2 W)
  features.push_back(last_states(pass, over_intervals, y));                           // (N, 2 W)
  if (o.covariates > known) {
    features.push_back(parts[1]);
  }
  return head(pass, layers_->fc, std::move(features));  // (N, 6 W + other covariates) to (N, classes)
}

const NetworkOptions& BiRcnn::options() const {
  return layers_->options;
}

ParameterSet& BiRcnn::parameters() {
  return layers_->set;
}

std::string BiRcnn::summary() const {
  const NetworkOptions& o = layers_->options;
  Summary table({o.length / o.beats, o.beats, o.leads});
  const Shape sample = table.sample();
  for (const Stack& stack : layers_->stacks) {
    table.set_sample(sample);
    for (const Conv& layer : stack.convs) {
      table.conv(layer);
    }
    table.lstm(stack.lstm, o.beats);
  }
  table.lstm(layers_->interval_lstm, o.beats);
  table.linear(layers_->fc);
  return table.text();
}

}  // namespace sec::model
