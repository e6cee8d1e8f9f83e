#include "model/onnx_baselines.h"

#include <fmt/format.h>

#include "engine/error.h"

// NOLINTBEGIN(performance-inefficient-string-concatenation): a graph is built once, and sums of names read best
namespace sec::model {
namespace {

using Ints = std::vector<std::int64_t>;

// Flattens the axes after the first: (N, C, L) to (N, C * L).
std::string flatten(OnnxGraph& graph, const std::string& name, const std::string& x) {
  return graph.node("Flatten", name, {x});
}

std::string max_pool(OnnxGraph& graph, const std::string& name, const std::string& x, std::int64_t k,
                     std::int64_t stride, std::int64_t pad) {
  return graph.node("MaxPool", name, {x},
                    {onnx_attribute("kernel_shape", Ints{k}), onnx_attribute("strides", Ints{stride}),
                     onnx_attribute("pads", Ints{pad, pad})});
}

std::string transposed(OnnxGraph& graph, const std::string& name, const std::string& x, const Ints& axes) {
  return graph.node("Transpose", name, {x}, {onnx_attribute("perm", axes)});
}

// In a shape, 0 keeps an axis and -1 takes what is left.
std::string reshaped(OnnxGraph& graph, const std::string& name, const std::string& x, const Ints& shape) {
  return graph.node("Reshape", name, {x, graph.integers(name + ".shape", shape)});
}

std::int64_t last_extent(const OnnxGraph& graph, const std::string& weight) {
  return graph.stored(weight).shape.back();
}

// relu(bn(x)), both named after the norm.
std::string norm_relu(OnnxGraph& graph, const std::string& name, const std::string& x) {
  return onnx_relu(graph, name + ".relu", onnx_batch_norm(graph, name, x));
}

// The rows of the gates i, f, g, o in PyTorch's order, `width` values per row, become i, o, f, g, which is ONNX's order.
void append_gates(const OnnxGraph& graph, const std::string& name, std::vector<float>& values) {
  const io::StoredTensor& tensor = graph.stored(name);
  const auto theirs = tensor.as<float>(name);
  const std::size_t gate = theirs.size() / 4;
  for (const std::size_t from : {0U, 3U, 1U, 2U}) {
    values.insert(values.end(), theirs.begin() + static_cast<std::ptrdiff_t>(from * gate),
                  theirs.begin() + static_cast<std::ptrdiff_t>((from + 1) * gate));
  }
}

// An LSTM of one or more layers over x (T, N, In). Returns the final hidden states (N, directions * Hid).
std::string lstm(OnnxGraph& graph, const std::string& name, std::string x) {
  std::string last;
  for (int layer = 0; graph.has(fmt::format("{}.weight_ih_l{}", name, layer)); ++layer) {
    const std::string prefix = fmt::format("{}.l{}", name, layer);
    std::vector<float> w, r, b;
    std::int64_t directions = 0;
    Ints in_shape;
    for (const char* direction : {"", "_reverse"}) {
      const std::string suffix = fmt::format("_l{}{}", layer, direction);
      if (!graph.has(name + ".weight_ih" + suffix)) {
        continue;
      }
      ++directions;
      in_shape = graph.stored(name + ".weight_ih" + suffix).shape;  // (4 Hid, In)
      append_gates(graph, name + ".weight_ih" + suffix, w);
      append_gates(graph, name + ".weight_hh" + suffix, r);
      append_gates(graph, name + ".bias_ih" + suffix, b);
      append_gates(graph, name + ".bias_hh" + suffix, b);
    }
    const std::int64_t hidden = in_shape[0] / 4;
    const bool is_last = !graph.has(fmt::format("{}.weight_ih_l{}", name, layer + 1));
    const std::string all =
        prefix + ".states";  // (T, directions, N, Hid), the first output; then the final states
    graph.node(
        "LSTM", is_last ? std::vector<std::string>{"", prefix} : std::vector<std::string>{all},
        {x, graph.floats(prefix + ".W", {directions, in_shape[0], in_shape[1]}, w),
         graph.floats(prefix + ".R", {directions, in_shape[0], hidden}, r),
         graph.floats(prefix + ".B", {directions, 2 * in_shape[0]}, b)},
        {onnx_attribute("hidden_size", hidden),
         onnx_attribute("direction", std::string_view(directions == 2 ? "bidirectional" : "forward"))});
    last = prefix;  // (directions, N, Hid)
    if (!is_last) {
      x = reshaped(graph, prefix + ".joined", transposed(graph, prefix + ".by_time", all, {0, 2, 1, 3}),
                   {0, 0, -1});
    }
  }
  return flatten(graph, name, transposed(graph, name + ".last", last, {1, 0, 2}));
}

}  // namespace

void onnx_resnet34(OnnxGraph& graph, const NetworkOptions& options) {
  std::string y = norm_relu(graph, "bn1", onnx_conv(graph, "conv1", "signal", 2, 7));  // (N, W, ceil(L / 2))
  y = max_pool(graph, "maxpool", y, 3, 2, 1);
  for (int stage = 1; stage <= 4; ++stage) {
    for (int i = 0; graph.has(fmt::format("layer{}.{}.conv1.weight", stage, i)); ++i) {
      const std::string block = fmt::format("layer{}.{}", stage, i);
      const std::int64_t stride = stage > 1 && i == 0 ? 2 : 1;
      const std::int64_t pad = last_extent(graph, block + ".conv1.weight") / 2;
      std::string z = norm_relu(graph, block + ".bn1", onnx_conv(graph, block + ".conv1", y, stride, pad));
      z = onnx_batch_norm(graph, block + ".bn2", onnx_conv(graph, block + ".conv2", z, 1, pad));
      if (graph.has(block + ".downsample.0.weight")) {
        y = onnx_batch_norm(graph, block + ".downsample.1",
                            onnx_conv(graph, block + ".downsample.0", y, stride, 0));
      }
      y = onnx_relu(graph, block, graph.node("Add", block + ".add", {z, y}));
    }
  }
  std::vector<std::string> features = {
      flatten(graph, "pooled", graph.node("GlobalAveragePool", "avgpool", {y}))};  // (N, 8 W)
  if (options.covariates > 0) {
    features.emplace_back("covariates");
  }
  onnx_head(graph, features);
}

void onnx_ecgnet(OnnxGraph& graph, const NetworkOptions& options) {
  std::vector<std::string> parts;
  std::int64_t steps = 0;
  for (int i = 0; graph.has(fmt::format("parallel.{}.weight", i)); ++i) {
    const std::string name = fmt::format("parallel.{}", i);
    parts.push_back(onnx_conv(graph, name, "signal", 1, 0));  // (N, W, L - k + 1)
    steps += options.length - last_extent(graph, name + ".weight") + 1;
  }
  std::string y = graph.node("Concat", "parallel", parts, {onnx_attribute("axis", std::int64_t{2})});
  y = onnx_conv(graph, "conv1", norm_relu(graph, "bn1", y), 2, 2);
  steps = (steps + 4 - last_extent(graph, "conv1.weight")) / 2 + 1;
  for (int i = 0; graph.has(fmt::format("blocks.{}.conv1.weight", i)); ++i) {
    const std::string block = fmt::format("blocks.{}", i);
    const std::int64_t pad = last_extent(graph, block + ".conv1.weight") / 2;
    std::string z = onnx_conv(graph, block + ".conv1", norm_relu(graph, block + ".bn1", y), 1, pad);
    z = onnx_conv(graph, block + ".conv2", norm_relu(graph, block + ".bn2", z), 1, pad);
    if (graph.has(block + ".shortcut.weight")) {
      y = onnx_conv(graph, block + ".shortcut", y, 1, 0);
    }
    if (i % 2 == 1) {
      z = max_pool(graph, block + ".pool", z, 2, 2, 0);
      y = max_pool(graph, block + ".shortcut_pool", y, 2, 2, 0);
      steps /= 2;
    }
    y = graph.node("Add", block, {z, y});
  }
  y = norm_relu(graph, "bn2", y);
  // As in the network: a short input is pooled over all time steps.
  y = steps + 4 >= 8 ? graph.node("AveragePool", "avgpool", {y},
                                  {onnx_attribute("kernel_shape", Ints{8}),
                                   onnx_attribute("strides", Ints{8}), onnx_attribute("pads", Ints{2, 2}),
                                   onnx_attribute("count_include_pad", std::int64_t{1})})
                     : graph.node("GlobalAveragePool", "avgpool", {y});
  std::vector<std::string> features = {
      flatten(graph, "pooled", y),
      lstm(graph, "lstm", transposed(graph, "signal_by_time", "signal", {2, 0, 1}))};
  if (options.covariates > 0) {
    features.emplace_back("covariates");
  }
  onnx_head(graph, features);
}

void onnx_bircnn(OnnxGraph& graph, const NetworkOptions& options) {
  const std::int64_t beats = options.beats;
  // (N, H, B * L) to (N, H, B, L) to (N, B, H, L) to (N * B, H, L), L samples per heartbeat
  std::string x = reshaped(graph, "beats", "signal", {0, 0, beats, options.length / beats});
  x = transposed(graph, "beats_first", x, {0, 2, 1, 3});
  x = reshaped(graph, "single_beats", x, {-1, options.leads, options.length / beats});
  std::vector<std::string> features;
  for (int i = 1; i <= 2; ++i) {
    const std::string stack = fmt::format("stack{}", i);
    std::string y = x;
    for (int k = 1; graph.has(fmt::format("{}.conv{}.weight", stack, k)); ++k) {
      const std::string name = fmt::format("{}.conv{}", stack, k);
      y = onnx_relu(graph, name + ".relu", onnx_conv(graph, name, y, 1, 0));
    }
    y = max_pool(graph, stack + ".pool", y, 16, 16, 0);  // (N * B, W, L')
    const std::int64_t in = last_extent(graph, stack + ".lstm.weight_ih_l0");
    y = reshaped(graph, stack + ".sequence", y, {-1, beats, in});  // (N, B, W * L')
    features.push_back(lstm(graph, stack + ".lstm", transposed(graph, stack + ".by_time", y, {1, 0, 2})));
  }
  const std::int64_t known = 2 * beats;
  std::string intervals = "covariates";
  const bool has_others = options.covariates > known;
  if (has_others) {
    intervals = "interval_covariates";
    graph.node("Split", {intervals, "other_covariates"},
               {"covariates", graph.integers("covariate_counts", {known, options.covariates - known})},
               {onnx_attribute("axis", std::int64_t{1})});
  }
  intervals = reshaped(graph, "intervals_by_beat", intervals, {0, beats, 2});
  features.push_back(lstm(graph, "intervals", transposed(graph, "intervals_by_time", intervals, {1, 0, 2})));
  if (has_others) {
    features.emplace_back("other_covariates");
  }
  onnx_head(graph, features);
}

}  // namespace sec::model
// NOLINTEND(performance-inefficient-string-concatenation)
