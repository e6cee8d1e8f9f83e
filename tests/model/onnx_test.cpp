// Decodes exported ONNX models with a minimal protobuf reader and checks the structure that runtimes rely on.
// tools/parity/programs.py runs the models with onnxruntime.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "model/networks.h"
#include "model/onnx_graph.h"
#include "tests/layers/check_layer.h"

namespace sec::model {
namespace {

// A field of a protobuf message: its number, and its value or bytes.
struct Field {
  std::uint64_t number = 0, value = 0;
  std::string_view bytes;
};

std::uint64_t varint(std::string_view& rest) {
  std::uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(rest.at(0));
    rest.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) {
      return value;
    }
  }
}

std::vector<Field> fields(std::string_view rest) {
  std::vector<Field> result;
  while (!rest.empty()) {
    const std::uint64_t tag = varint(rest);
    Field field{tag >> 3, 0, {}};
    if ((tag & 7) == 0) {
      field.value = varint(rest);
    } else {
      const std::uint64_t size = (tag & 7) == 5 ? 4 : varint(rest);
      field.bytes = rest.substr(0, size);
      EXPECT_EQ(field.bytes.size(), size);
      rest.remove_prefix(size);
    }
    result.push_back(field);
  }
  return result;
}

std::vector<std::string_view> all(std::string_view message, std::uint64_t number) {
  std::vector<std::string_view> found;
  for (const Field& field : fields(message)) {
    if (field.number == number) {
      found.push_back(field.bytes);
    }
  }
  return found;
}

std::uint64_t value_of(std::string_view message, std::uint64_t number) {
  for (const Field& field : fields(message)) {
    if (field.number == number) {
      return field.value;
    }
  }
  ADD_FAILURE() << "no field " << number;
  return 0;
}

// Checks the graph of the network with these options, and returns the number of operators by type.
std::map<std::string, int> check_graph(const NetworkOptions& options) {
  const auto network = make_network(options, cpu, 3);
  const std::string model = to_onnx(*network, "a test", {{"classes", "[\"A\"]"}, {"rate_hz", "120.0"}}, cpu);
  EXPECT_EQ(value_of(model, 1), 8U);                 // IR version
  EXPECT_EQ(value_of(all(model, 8).at(0), 2), 17U);  // opset
  const std::vector<std::string_view> metadata = all(model, 14);
  EXPECT_EQ(metadata.size(), 2U);
  EXPECT_EQ(all(metadata.at(0), 1).at(0), "classes");
  EXPECT_EQ(all(metadata.at(0), 2).at(0), "[\"A\"]");
  const std::string_view graph = all(model, 7).at(0);

  std::set<std::string_view> known;  // names that a node may read
  for (const std::string_view input : all(graph, 11)) {
    known.insert(all(input, 1).at(0));
    const std::string_view shape = all(all(all(input, 2).at(0), 1).at(0), 2).at(0);
    EXPECT_EQ(all(all(shape, 1).at(0), 2).at(0), "N");  // the batch size is dynamic
  }
  EXPECT_EQ(known.size(), options.covariates > 0 ? 2U : 1U);
  std::int64_t weights = 0;
  std::set<std::string_view> initializers;
  for (const std::string_view tensor : all(graph, 5)) {
    std::uint64_t count = 1;
    for (const Field& field : fields(tensor)) {
      count *= field.number == 1 ? field.value : 1;
    }
    const bool floats = value_of(tensor, 2) == 1;
    EXPECT_EQ(all(tensor, 9).at(0).size(), count * (floats ? 4 : 8));
    weights += floats ? static_cast<std::int64_t>(count) : 0;
    EXPECT_TRUE(initializers.insert(all(tensor, 8).at(0)).second);
  }
  // Every parameter and every running statistic is stored once.
  EXPECT_EQ(weights, network->parameters().count() + network->parameters().states().count());
  known.insert(initializers.begin(), initializers.end());

  std::map<std::string, int> types;
  std::set<std::string_view> read;
  for (const std::string_view node : all(graph, 1)) {
    ++types[std::string(all(node, 4).at(0))];
    EXPECT_TRUE(all(node, 7).empty());  // no domain: a standard operator
    for (const std::string_view input : all(node, 1)) {
      EXPECT_TRUE(known.contains(input)) << input << " is read before it is made";
      read.insert(input);
    }
    for (const std::string_view output : all(node, 2)) {
      EXPECT_TRUE(output.empty() || known.insert(output).second) << output << " is made twice";
    }
  }
  for (const std::string_view name : known) {
    EXPECT_TRUE(read.contains(name) || name == "logits") << name << " is never read";
  }
  EXPECT_EQ(all(all(graph, 12).at(0), 1).at(0), "logits");
  return types;
}

// The expected numbers of operators, counted by hand:
// - 1 + 3 * 2 + 3 * (4 * 3 + 4 * 5) = 103 convolutions, each with one batch norm;
// - 3 + 3 * (4 + 8) = 39 gates with two Gemms each, and one Gemm in the head;
// - a Relu after each of the 103 norms, in each of the 39 gates and at the end of each of the 27 blocks.
TEST(Onnx, HoldsTheNetworkInStandardOperators) {
  const std::map<std::string, int> expected = {{"Conv", 103},
                                               {"BatchNormalization", 103},
                                               {"Relu", 169},
                                               {"Gemm", 79},
                                               {"GlobalAveragePool", 42},
                                               {"Flatten", 42},
                                               {"Sigmoid", 39},
                                               {"Mul", 39},
                                               {"Add", 39},
                                               {"Unsqueeze", 40},
                                               {"Reshape", 3},
                                               {"Concat", 1}};
  EXPECT_EQ(check_graph({2, 400, 3, 0, 4, true, 0.2}), expected);
  EXPECT_EQ(check_graph({3, 333, 4, 2, 4, false, 0.2}), expected);
}

// The expected numbers, counted by hand: ResNet34 has 1 + 2 * (3 + 4 + 6 + 3) convolutions, three of them with a shortcut,
// and a norm for each; ECGNet has 4 + 1 + 2 * 15 and three shortcuts where channels grow; BiRCNN has 2 * 3, and 3 LSTMs of
// two layers.
TEST(Onnx, HoldsTheBaselines) {
  std::map<std::string, int> types = check_graph({2, 400, 3, 0, 4, false, 0.2, "resnet34"});
  EXPECT_EQ(types["Conv"], 36);
  EXPECT_EQ(types["BatchNormalization"], 36);
  EXPECT_EQ(types["Add"], 16);
  EXPECT_EQ(check_graph({3, 333, 4, 2, 4, false, 0.2, "resnet34"})["Concat"], 1);

  for (const std::int64_t length : {200, 1000}) {  // below and above the shortest input of the last pooling
    types = check_graph({2, length, 3, 1, 4, false, 0.2, "ecgnet"});
    EXPECT_EQ(types["Conv"], 38);
    EXPECT_EQ(types["LSTM"], 1);
    EXPECT_EQ(types["AveragePool"], length == 1000 ? 1 : 0);
  }
  for (const std::int64_t covariates : {6, 8}) {
    types = check_graph({2, 3 * 150, 3, covariates, 4, false, 0.2, "bircnn", 3});
    EXPECT_EQ(types["Conv"], 6);
    EXPECT_EQ(types["LSTM"], 6);
    EXPECT_EQ(types["Split"], covariates == 8 ? 1 : 0);
  }
}

}  // namespace
}  // namespace sec::model
