#include "model/onnx_builder.h"

namespace sec::model {
namespace {

using io::ProtobufMessage;

constexpr std::int64_t ir_version = 8;
constexpr std::int64_t opset = 17;

// Enum values of onnx.proto.
namespace attribute_type {
constexpr std::int64_t f = 1, i = 2, s = 3, ints = 7;
}
namespace tensor_type {
constexpr std::int64_t f32 = 1, i64 = 7;
}

}  // namespace

OnnxAttribute onnx_attribute(std::string_view name, float value) {
  OnnxAttribute a;
  a.message.text(1, name).number(2, value).integer(20, attribute_type::f);
  return a;
}

OnnxAttribute onnx_attribute(std::string_view name, std::int64_t value) {
  OnnxAttribute a;
  a.message.text(1, name).integer(3, value).integer(20, attribute_type::i);
  return a;
}

OnnxAttribute onnx_attribute(std::string_view name, std::string_view value) {
  OnnxAttribute a;
  a.message.text(1, name).text(4, value).integer(20, attribute_type::s);
  return a;
}

OnnxAttribute onnx_attribute(std::string_view name, const std::vector<std::int64_t>& values) {
  OnnxAttribute a;
  a.message.text(1, name);
  for (const std::int64_t value : values) {
    a.message.integer(8, value);
  }
  a.message.integer(20, attribute_type::ints);
  return a;
}

std::string OnnxGraph::node(std::string_view type, const std::string& name,
                            const std::vector<std::string>& inputs,
                            const std::vector<OnnxAttribute>& attributes) {
  node(type, std::vector{name}, inputs, attributes);
  return name;
}

void OnnxGraph::node(std::string_view type, const std::vector<std::string>& outputs,
                     const std::vector<std::string>& inputs, const std::vector<OnnxAttribute>& attributes) {
  ProtobufMessage message;
  for (const std::string& input : inputs) {
    message.text(1, input);
  }
  for (const std::string& output : outputs) {
    message.text(2, output);
  }
  message.text(3, outputs.back()).text(4, type);
  for (const OnnxAttribute& attribute : attributes) {
    message.message(5, attribute.message);
  }
  nodes_.message(1, message);
}

std::string OnnxGraph::weight(const std::string& name) {
  const io::StoredTensor& tensor = weights_.at(name);
  return floats(name, tensor.shape, tensor.as<float>(name));
}

std::string OnnxGraph::floats(const std::string& name, const std::vector<std::int64_t>& shape,
                              std::span<const float> values) {
  if (written_.insert(name).second) {
    initializer(name, tensor_type::f32, shape, std::as_bytes(values));
  }
  return name;
}

std::string OnnxGraph::integers(const std::string& name, const std::vector<std::int64_t>& values) {
  if (written_.insert(name).second) {
    initializer(name, tensor_type::i64, {static_cast<std::int64_t>(values.size())},
                std::as_bytes(std::span(values)));
  }
  return name;
}

void OnnxGraph::value(std::uint32_t field, std::string_view name, const std::vector<std::int64_t>& extents) {
  ProtobufMessage shape;
  shape.message(1, ProtobufMessage().text(2, "N"));
  for (const std::int64_t extent : extents) {
    shape.message(1, ProtobufMessage().integer(1, extent));
  }
  const ProtobufMessage tensor = ProtobufMessage().integer(1, tensor_type::f32).message(2, shape);
  values_.message(field, ProtobufMessage().text(1, name).message(2, ProtobufMessage().message(1, tensor)));
}

std::string OnnxGraph::bytes(std::string_view title, const std::string& producer,
                             const std::map<std::string, std::string>& metadata) const {
  std::string content = nodes_.bytes();
  content += ProtobufMessage().text(2, title).bytes();
  content += initializers_.bytes();
  content += values_.bytes();
  ProtobufMessage model;
  model.integer(1, ir_version).text(2, producer).text(7, content);
  model.message(8, ProtobufMessage().text(1, "").integer(2, opset));
  for (const auto& [key, text] : metadata) {
    model.message(14, ProtobufMessage().text(1, key).text(2, text));
  }
  return model.bytes();
}

void OnnxGraph::initializer(const std::string& name, std::int64_t type,
                            const std::vector<std::int64_t>& shape, std::span<const std::byte> raw) {
  ProtobufMessage tensor;
  for (const std::int64_t extent : shape) {
    tensor.integer(1, extent);
  }
  tensor.integer(2, type).text(8, name);
  tensor.text(9, {reinterpret_cast<const char*>(raw.data()), raw.size()});
  initializers_.message(5, tensor);
}

std::string onnx_relu(OnnxGraph& graph, const std::string& name, const std::string& x) {
  return graph.node("Relu", name, {x});
}

std::string onnx_linear(OnnxGraph& graph, const std::string& name, const std::string& x) {
  return graph.node("Gemm", name, {x, graph.weight(name + ".weight"), graph.weight(name + ".bias")},
                    {onnx_attribute("transB", std::int64_t{1})});
}

std::string onnx_batch_norm(OnnxGraph& graph, const std::string& name, const std::string& x,
                            const std::string& weights) {
  const std::string& from = weights.empty() ? name : weights;
  return graph.node("BatchNormalization", name,
                    {x, graph.weight(from + ".weight"), graph.weight(from + ".bias"),
                     graph.weight(from + ".running_mean"), graph.weight(from + ".running_var")},
                    {onnx_attribute("epsilon", 1e-5F)});
}

std::string onnx_conv(OnnxGraph& graph, const std::string& name, const std::string& x, std::int64_t stride,
                      std::int64_t pad) {
  const std::vector<std::int64_t>& shape = graph.stored(name + ".weight").shape;
  std::vector<std::string> inputs = {x, graph.weight(name + ".weight")};
  if (graph.has(name + ".bias")) {
    inputs.push_back(graph.weight(name + ".bias"));
  }
  using Ints = std::vector<std::int64_t>;
  const bool two_d = shape.size() == 4;
  return graph.node("Conv", name, inputs,
                    {onnx_attribute("kernel_shape", two_d ? Ints{1, shape.back()} : Ints{shape.back()}),
                     onnx_attribute("strides", two_d ? Ints{1, stride} : Ints{stride}),
                     onnx_attribute("pads", two_d ? Ints{0, pad, 0, pad} : Ints{pad, pad})});
}

}  // namespace sec::model
