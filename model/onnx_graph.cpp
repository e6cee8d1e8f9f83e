#include "model/onnx_graph.h"

#include <fmt/format.h>

#include <initializer_list>
#include <set>
#include <span>

#include "io/models/protobuf.h"
#include "model/state_dict.h"

namespace sec::model {
namespace {

using io::ProtobufMessage;

constexpr std::int64_t ir_version = 8;
constexpr std::int64_t opset = 17;

// Enum values of onnx.proto.
namespace attribute_type {
constexpr std::int64_t f = 1, i = 2, ints = 7;
}
namespace tensor_type {
constexpr std::int64_t f32 = 1, i64 = 7;
}

struct Attribute {
  ProtobufMessage message;
};

Attribute float_attribute(std::string_view name, float value) {
  Attribute a;
  a.message.text(1, name).number(2, value).integer(20, attribute_type::f);
  return a;
}

Attribute int_attribute(std::string_view name, std::int64_t value) {
  Attribute a;
  a.message.text(1, name).integer(3, value).integer(20, attribute_type::i);
  return a;
}

Attribute ints_attribute(std::string_view name, std::initializer_list<std::int64_t> values) {
  Attribute a;
  a.message.text(1, name);
  for (const std::int64_t value : values) {
    a.message.integer(8, value);
  }
  a.message.integer(20, attribute_type::ints);
  return a;
}

// Builds the ONNX graph. Every operation's output is named after the network's layer.
class Graph {
 public:
  explicit Graph(const io::SafetensorsFile& weights) : weights_(weights) {}

  std::string node(std::string_view type, const std::string& name, const std::vector<std::string>& inputs,
                   const std::vector<Attribute>& attributes = {}) {
    ProtobufMessage message;
    for (const std::string& input : inputs) {
      message.text(1, input);
    }
    message.text(2, name).text(3, name).text(4, type);
    for (const Attribute& attribute : attributes) {
      message.message(5, attribute.message);
    }
    nodes_.message(1, message);
    return name;
  }

  // Adds a weight once, under its name in the state dict. Returns the name.
  std::string weight(const std::string& name) {
    const io::StoredTensor& tensor = weights_.at(name);
    if (written_.insert(name).second) {
      initializer(name, tensor_type::f32, tensor.shape, std::as_bytes(tensor.as<float>(name)));
    }
    return name;
  }

  std::string integers(const std::string& name, const std::vector<std::int64_t>& values) {
    if (written_.insert(name).second) {
      initializer(name, tensor_type::i64, {static_cast<std::int64_t>(values.size())},
                  std::as_bytes(std::span(values)));
    }
    return name;
  }

  // Declares a tensor (N, extents...) as a graph input (field 11) or output (field 12).
  void value(std::uint32_t field, std::string_view name, std::initializer_list<std::int64_t> extents) {
    ProtobufMessage shape;
    shape.message(1, ProtobufMessage().text(2, "N"));
    for (const std::int64_t extent : extents) {
      shape.message(1, ProtobufMessage().integer(1, extent));
    }
    const ProtobufMessage tensor = ProtobufMessage().integer(1, tensor_type::f32).message(2, shape);
    values_.message(field, ProtobufMessage().text(1, name).message(2, ProtobufMessage().message(1, tensor)));
  }

  bool has(const std::string& name) const { return weights_.tensors.contains(name); }
  const io::StoredTensor& shape_of(const std::string& name) const { return weights_.at(name); }

  std::string bytes(const std::string& producer) const {
    std::string content = nodes_.bytes();
    content += ProtobufMessage().text(2, "SE-ECGNet").bytes();
    content += initializers_.bytes();
    content += values_.bytes();
    ProtobufMessage model;
    model.integer(1, ir_version).text(2, producer).text(7, content);
    model.message(8, ProtobufMessage().text(1, "").integer(2, opset));
    return model.bytes();
  }

 private:
  void initializer(const std::string& name, std::int64_t type, const std::vector<std::int64_t>& shape,
                   std::span<const std::byte> raw) {
    ProtobufMessage tensor;
    for (const std::int64_t extent : shape) {
      tensor.integer(1, extent);
    }
    tensor.integer(2, type).text(8, name);
    tensor.text(9, {reinterpret_cast<const char*>(raw.data()), raw.size()});
    initializers_.message(5, tensor);
  }

  const io::SafetensorsFile& weights_;
  std::set<std::string> written_;
  ProtobufMessage nodes_;
  ProtobufMessage initializers_;
  ProtobufMessage values_;
};

std::string relu(Graph& graph, const std::string& name, const std::string& x) {
  return graph.node("Relu", name, {x});
}

std::string batch_norm(Graph& graph, const std::string& name, const std::string& x) {
  return graph.node("BatchNormalization", name,
                    {x, graph.weight(name + ".weight"), graph.weight(name + ".bias"),
                     graph.weight(name + ".running_mean"), graph.weight(name + ".running_var")},
                    {float_attribute("epsilon", 1e-5F)});
}

// Convolves along the last axis. The weights (Out, In, 1, K) or (Out, In, K) determine the rank.
std::string conv(Graph& graph, const std::string& name, const std::string& x, std::int64_t stride,
                 bool padded) {
  const std::vector<std::int64_t>& shape = graph.shape_of(name + ".weight").shape;
  const std::int64_t pad = padded ? (shape.back() - 1) / 2 : 0;
  std::vector<std::string> inputs = {x, graph.weight(name + ".weight")};
  if (graph.has(name + ".bias")) {
    inputs.push_back(graph.weight(name + ".bias"));
  }
  if (shape.size() == 4) {
    return graph.node("Conv", name, inputs,
                      {ints_attribute("kernel_shape", {1, shape.back()}),
                       ints_attribute("strides", {1, stride}), ints_attribute("pads", {0, pad, 0, pad})});
  }
  return graph.node("Conv", name, inputs,
                    {ints_attribute("kernel_shape", {shape.back()}), ints_attribute("strides", {stride}),
                     ints_attribute("pads", {pad, pad})});
}

std::string linear(Graph& graph, const std::string& name, const std::string& x) {
  return graph.node("Gemm", name, {x, graph.weight(name + ".weight"), graph.weight(name + ".bias")},
                    {int_attribute("transB", 1)});
}

std::string squeeze_excite(Graph& graph, const std::string& name, const std::string& x, bool two_d) {
  const std::string pooled = graph.node("GlobalAveragePool", name + ".pool", {x});  // (N, C, 1 [, 1])
  const std::string means = graph.node("Flatten", name + ".flatten", {pooled});     // (N, C)
  const std::string hidden = relu(graph, name + ".relu", linear(graph, name + ".fc1", means));
  const std::string gate = graph.node("Sigmoid", name + ".sigmoid", {linear(graph, name + ".fc2", hidden)});
  const std::string axes = two_d ? graph.integers("last_two_axes", {2, 3}) : graph.integers("last_axis", {2});
  const std::string wide = graph.node("Unsqueeze", name + ".unsqueeze", {gate, axes});
  return graph.node("Mul", name, {x, wide});
}

// conv(relu(bn(x))). The output has the name of the convolution.
std::string pre_activation(Graph& graph, const std::string& block, const std::string& index,
                           const std::string& x, std::int64_t stride) {
  const std::string bn = fmt::format("{}.bn{}", block, index);
  const std::string active = relu(graph, bn + ".relu", batch_norm(graph, bn, x));
  return conv(graph, fmt::format("{}.conv{}", block, index), active, stride, true);
}

// The shortcut of a block. A tied downsample is one set of weights in the graph, under its first name.
std::string downsample(Graph& graph, const std::string& stage, std::int64_t index, bool tied,
                       const std::string& x) {
  const std::string weights = fmt::format("{}.{}.downsample", stage, tied ? 0 : index);
  const std::string name = fmt::format("{}.{}.downsample", stage, index);
  const std::string norm =
      graph.node("BatchNormalization", name + ".bn",
                 {x, graph.weight(weights + ".bn.weight"), graph.weight(weights + ".bn.bias"),
                  graph.weight(weights + ".bn.running_mean"), graph.weight(weights + ".bn.running_var")},
                 {float_attribute("epsilon", 1e-5F)});
  const std::string active = relu(graph, name + ".relu", norm);
  const bool two_d = graph.shape_of(weights + ".conv.weight").shape.size() == 4;
  const Attribute strides = two_d ? ints_attribute("strides", {1, 2}) : ints_attribute("strides", {2});
  return graph.node("Conv", name,
                    {active, graph.weight(weights + ".conv.weight"), graph.weight(weights + ".conv.bias")},
                    {strides});
}

std::string block_2d(Graph& graph, const std::string& stage, std::int64_t index, bool shortens, bool tied,
                     const std::string& x) {
  const std::string block = fmt::format("{}.{}", stage, index);
  std::string y = x;
  for (int i = 1; graph.has(fmt::format("{}.conv{}.weight", block, i)); ++i) {
    y = pre_activation(graph, block, std::to_string(i), y, shortens && i == 1 ? 2 : 1);
  }
  y = squeeze_excite(graph, block + ".se", y, true);
  const std::string shortcut = shortens ? downsample(graph, stage, index, tied, x) : x;
  return relu(graph, block, graph.node("Add", block + ".add", {y, shortcut}));
}

std::string block_1d(Graph& graph, const std::string& stage, std::int64_t index, bool tied,
                     const std::string& x) {
  const std::string block = fmt::format("{}.{}", stage, index);
  std::string y = squeeze_excite(graph, block + ".se1", pre_activation(graph, block, "1", x, 2), false);
  y = graph.node("Add", block + ".add1", {y, downsample(graph, stage, index, tied, x)});
  std::string z = y;
  for (int i = 2; graph.has(fmt::format("{}.conv{}.weight", block, i)); ++i) {
    z = pre_activation(graph, block, std::to_string(i), z, 1);
  }
  z = squeeze_excite(graph, block + ".se2", z, false);
  return relu(graph, block, graph.node("Add", block + ".add2", {z, y}));
}

}  // namespace

std::string to_onnx(SeEcgNet& network, const std::string& producer, Stream& stream) {
  const SeEcgNetOptions& o = network.options();
  const io::SafetensorsFile weights = to_state_dict(network, {}, stream);
  Graph graph(weights);
  graph.value(11, "signal", {o.leads, o.length});
  if (o.covariates > 0) {
    graph.value(11, "covariates", {o.covariates});
  }
  graph.value(12, "logits", {o.classes});

  const auto blocks = [&](const std::string& stage) {
    std::int64_t count = 0;
    while (graph.has(fmt::format("{}.{}.conv1.weight", stage, count))) {
      ++count;
    }
    return count;
  };
  std::string y = graph.node("Unsqueeze", "image", {"signal", graph.integers("first_axis", {1})});
  y = relu(graph, "bn1.relu", batch_norm(graph, "bn1", conv(graph, "conv1", y, 2, false)));
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
  const std::string joined = graph.node("Concat", "features", features, {int_attribute("axis", 1)});
  graph.node("Gemm", "logits", {joined, graph.weight("fc.weight"), graph.weight("fc.bias")},
             {int_attribute("transB", 1)});
  return graph.bytes(producer);
}

}  // namespace sec::model
