#include "model/onnx_graph.h"

#include <fmt/format.h>

#include "model/networks.h"
#include "model/onnx_baselines.h"
#include "model/state_dict.h"

namespace sec::model {
namespace {

std::string squeeze_excite(OnnxGraph& graph, const std::string& name, const std::string& x, bool two_d) {
  const std::string pooled = graph.node("GlobalAveragePool", name + ".pool", {x});  // (N, C, 1 [, 1])
  const std::string means = graph.node("Flatten", name + ".flatten", {pooled});     // (N, C)
  const std::string hidden = onnx_relu(graph, name + ".relu", onnx_linear(graph, name + ".fc1", means));
  const std::string gate =
      graph.node("Sigmoid", name + ".sigmoid", {onnx_linear(graph, name + ".fc2", hidden)});
  const std::string axes = two_d ? graph.integers("last_two_axes", {2, 3}) : graph.integers("last_axis", {2});
  const std::string wide = graph.node("Unsqueeze", name + ".unsqueeze", {gate, axes});
  return graph.node("Mul", name, {x, wide});
}

// conv(relu(bn(x))). The output has the name of the convolution.
std::string pre_activation(OnnxGraph& graph, const std::string& block, const std::string& index,
                           const std::string& x, std::int64_t stride) {
  const std::string bn = fmt::format("{}.bn{}", block, index);
  const std::string active = onnx_relu(graph, bn + ".relu", onnx_batch_norm(graph, bn, x));
  const std::string name = fmt::format("{}.conv{}", block, index);
  return onnx_conv(graph, name, active, stride, (graph.stored(name + ".weight").shape.back() - 1) / 2);
}

// The shortcut of a block. A tied downsample is one set of weights in the graph, under its first name.
std::string downsample(OnnxGraph& graph, const std::string& stage, std::int64_t index, bool tied,
                       const std::string& x) {
  const std::string weights = fmt::format("{}.{}.downsample", stage, tied ? 0 : index);
  const std::string name = fmt::format("{}.{}.downsample", stage, index);
  const std::string norm = onnx_batch_norm(graph, name + ".bn", x, weights + ".bn");
  const std::string active = onnx_relu(graph, name + ".relu", norm);
  const bool two_d = graph.stored(weights + ".conv.weight").shape.size() == 4;
  const std::vector<std::int64_t> strides =
      two_d ? std::vector<std::int64_t>{1, 2} : std::vector<std::int64_t>{2};
  return graph.node("Conv", name,
                    {active, graph.weight(weights + ".conv.weight"), graph.weight(weights + ".conv.bias")},
                    {onnx_attribute("strides", strides)});
}

std::string block_2d(OnnxGraph& graph, const std::string& stage, std::int64_t index, bool shortens, bool tied,
                     const std::string& x) {
  const std::string block = fmt::format("{}.{}", stage, index);
  std::string y = x;
  for (int i = 1; graph.has(fmt::format("{}.conv{}.weight", block, i)); ++i) {
    y = pre_activation(graph, block, std::to_string(i), y, shortens && i == 1 ? 2 : 1);
  }
  y = squeeze_excite(graph, block + ".se", y, true);
  const std::string shortcut = shortens ? downsample(graph, stage, index, tied, x) : x;
  return onnx_relu(graph, block, graph.node("Add", block + ".add", {y, shortcut}));
}

std::string block_1d(OnnxGraph& graph, const std::string& stage, std::int64_t index, bool tied,
                     const std::string& x) {
  const std::string block = fmt::format("{}.{}", stage, index);
  std::string y = squeeze_excite(graph, block + ".se1", pre_activation(graph, block, "1", x, 2), false);
  y = graph.node("Add", block + ".add1", {y, downsample(graph, stage, index, tied, x)});
  std::string z = y;
  for (int i = 2; graph.has(fmt::format("{}.conv{}.weight", block, i)); ++i) {
    z = pre_activation(graph, block, std::to_string(i), z, 1);
  }
  z = squeeze_excite(graph, block + ".se2", z, false);
  return onnx_relu(graph, block, graph.node("Add", block + ".add2", {z, y}));
}

// The graph of SE-ECGNet.
void build_se_ecgnet(OnnxGraph& graph, const NetworkOptions& o) {
  const auto blocks = [&](const std::string& stage) {
    std::int64_t count = 0;
    while (graph.has(fmt::format("{}.{}.conv1.weight", stage, count))) {
      ++count;
    }
    return count;
  };
  std::string y = graph.node("Unsqueeze", "image", {"signal", graph.integers("first_axis", {1})});
  y = onnx_relu(graph, "bn1.relu", onnx_batch_norm(graph, "bn1", onnx_conv(graph, "conv1", y, 2, 0)));
  for (std::int64_t i = 0; i < blocks("block1"); ++i) {
    y = block_2d(graph, "block1", i, true, o.tied, y);  // (N, C, H, L')
  }
  std::vector<std::string> features;
  for (int branch = 0; graph.has(fmt::format("block2_list.{}.0.conv1.weight", branch)); ++branch) {
    std::string z = y;
    const std::string per_lead = fmt::format("block2_list.{}", branch);
    for (std::int64_t i = 0; i < blocks(per_lead); ++i) {
      z = block_2d(graph, per_lead, i, false, false, z);
    }
    // An extent of 0 keeps the batch size.
    z = graph.node("Reshape", fmt::format("{}.channels", per_lead),
                   {z, graph.integers("all_leads", {0, o.width * o.leads, -1})});  // (N, C * H, L')
    const std::string all_leads = fmt::format("block3_list.{}", branch);
    for (std::int64_t i = 0; i < blocks(all_leads); ++i) {
      z = block_1d(graph, all_leads, i, o.tied, z);
    }
    const std::string pooled = graph.node("GlobalAveragePool", all_leads + ".pool", {z});  // (N, C * H, 1)
    features.push_back(graph.node("Flatten", all_leads + ".features", {pooled}));          // (N, C * H)
  }
  if (o.covariates > 0) {
    features.emplace_back("covariates");
  }
  onnx_head(graph, features);
}

}  // namespace

void onnx_head(OnnxGraph& graph, const std::vector<std::string>& features) {
  const std::string joined = features.size() == 1 ? features.front()
                                                  : graph.node("Concat", "features", features,
                                                               {onnx_attribute("axis", std::int64_t{1})});
  graph.node("Gemm", "logits", {joined, graph.weight("fc.weight"), graph.weight("fc.bias")},
             {onnx_attribute("transB", std::int64_t{1})});
}

std::string to_onnx(Network& network, const std::string& producer,
                    const std::map<std::string, std::string>& metadata, Stream& stream) {
  const NetworkOptions& o = network.options();
  const io::SafetensorsFile weights = to_state_dict(network, {}, stream);
  OnnxGraph graph(weights);
  graph.input("signal", {o.leads, o.length});
  if (o.covariates > 0) {
    graph.input("covariates", {o.covariates});
  }
  graph.output("logits", {o.classes});
  if (o.model == "resnet34") {
    onnx_resnet34(graph, o);
  } else if (o.model == "ecgnet") {
    onnx_ecgnet(graph, o);
  } else if (o.model == "bircnn") {
    onnx_bircnn(graph, o);
  } else {
    require(o.model == "se-ecgnet", "onnx: {} cannot be exported", o.model);
    build_se_ecgnet(graph, o);
  }
  return graph.bytes(network_title(o.model), producer, metadata);
}

}  // namespace sec::model
