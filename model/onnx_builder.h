// Builds ONNX graphs in evaluation mode from the weights of a state dict. Tensors have PyTorch's axes and names.
// Operators are those of opset 17. Every operation's output is named after the network's layer.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/models/protobuf.h"
#include "io/models/safetensors.h"

namespace sec::model {

// An attribute of an operation.
struct OnnxAttribute {
  io::ProtobufMessage message;
};
OnnxAttribute onnx_attribute(std::string_view name, float value);
OnnxAttribute onnx_attribute(std::string_view name, std::int64_t value);
OnnxAttribute onnx_attribute(std::string_view name, std::string_view value);
OnnxAttribute onnx_attribute(std::string_view name, const std::vector<std::int64_t>& values);

class OnnxGraph {
 public:
  // `weights` must outlive the graph.
  explicit OnnxGraph(const io::SafetensorsFile& weights) : weights_(weights) {}

  // Adds an operation with one output, whose name is returned, or with several.
  std::string node(std::string_view type, const std::string& name, const std::vector<std::string>& inputs,
                   const std::vector<OnnxAttribute>& attributes = {});
  void node(std::string_view type, const std::vector<std::string>& outputs,
            const std::vector<std::string>& inputs, const std::vector<OnnxAttribute>& attributes);

  // Adds a weight once, under its name in the state dict. Returns the name.
  std::string weight(const std::string& name);
  // Adds constants. Returns the name.
  std::string floats(const std::string& name, const std::vector<std::int64_t>& shape,
                     std::span<const float> values);
  std::string integers(const std::string& name, const std::vector<std::int64_t>& values);

  // Declares a tensor (N, extents...) as a graph input or output.
  void input(std::string_view name, const std::vector<std::int64_t>& extents) { value(11, name, extents); }
  void output(std::string_view name, const std::vector<std::int64_t>& extents) { value(12, name, extents); }

  bool has(const std::string& name) const { return weights_.tensors.contains(name); }
  const io::StoredTensor& stored(const std::string& name) const { return weights_.at(name); }

  // The content of an .onnx file. `metadata` becomes its metadata_props.
  std::string bytes(std::string_view title, const std::string& producer,
                    const std::map<std::string, std::string>& metadata) const;

 private:
  void value(std::uint32_t field, std::string_view name, const std::vector<std::int64_t>& extents);
  void initializer(const std::string& name, std::int64_t type, const std::vector<std::int64_t>& shape,
                   std::span<const std::byte> raw);

  const io::SafetensorsFile& weights_;
  std::set<std::string> written_;
  io::ProtobufMessage nodes_;
  io::ProtobufMessage initializers_;
  io::ProtobufMessage values_;
};

// Layers. `name` is the layer's name in the state dict; the returned output has that name.
std::string onnx_relu(OnnxGraph& graph, const std::string& name, const std::string& x);
std::string onnx_linear(OnnxGraph& graph, const std::string& name,
                        const std::string& x);  // (N, In) to (N, Out)
// The norm's weights have the name `weights` in the state dict, or `name` if that is empty.
std::string onnx_batch_norm(OnnxGraph& graph, const std::string& name, const std::string& x,
                            const std::string& weights = "");
// A convolution along the last axis. Weights (Out, In, 1, K) or (Out, In, K) determine the rank.
std::string onnx_conv(OnnxGraph& graph, const std::string& name, const std::string& x, std::int64_t stride,
                      std::int64_t pad);

}  // namespace sec::model
