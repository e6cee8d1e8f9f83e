// Imports and exports the state dicts in the golden files, which PyTorch wrote.
#include "model/state_dict.h"

#include <gtest/gtest.h>

#include "tests/io/files.h"
#include "tests/layers/check_layer.h"

namespace sec::model {
namespace {

using io::expect_error;
using io::StoredTensor;

io::SafetensorsFile golden(const std::string& name) {
  const io::SafetensorsFile file =
      io::read_safetensors(std::string(SEC_GOLDEN) + "/" + name + ".safetensors");
  const std::string prefix = "initial/";
  io::SafetensorsFile dict;
  for (const auto& [key, tensor] : file.tensors) {
    if (key.starts_with(prefix)) {
      dict.tensors[key.substr(prefix.size())] = tensor;
    }
  }
  return dict;
}

io::SafetensorsFile tied() {
  return golden("leads2_length720_tied");
}

// Loads a state dict into a network with the options derived from it.
void load(const io::SafetensorsFile& dict) {
  SeEcgNet network(options_of(dict, "f", 720), cpu, 1);
  load_state_dict(dict, "f", network, cpu);
}

TEST(StateDict, ComesBackBitForBit) {
  for (const char* name : {"leads2_length720_tied", "leads3_length777_untied", "leads8_length2048_tied"}) {
    const io::SafetensorsFile dict = golden(name);
    SeEcgNet network(options_of(dict, name, 720), cpu, 1);
    const BatchCounts counts = load_state_dict(dict, name, network, cpu);
    const io::SafetensorsFile back = to_state_dict(network, counts, cpu);
    ASSERT_EQ(back.tensors.size(), dict.tensors.size()) << name;
    for (const auto& [key, tensor] : dict.tensors) {
      EXPECT_EQ(back.at(key).type, tensor.type) << key;
      EXPECT_EQ(back.at(key).shape, tensor.shape) << key;
      EXPECT_TRUE(back.at(key).bytes == tensor.bytes) << key;
    }
  }
}

TEST(StateDict, SaysWhichNetworkItBelongsTo) {
  const SeEcgNetOptions a = options_of(tied(), "f", 720);
  EXPECT_EQ(a.leads, 2);
  EXPECT_EQ(a.classes, 4);
  EXPECT_EQ(a.covariates, 2);
  EXPECT_EQ(a.width, 8);
  EXPECT_TRUE(a.tied);
  const SeEcgNetOptions b = options_of(golden("leads3_length777_untied"), "f", 720);
  EXPECT_EQ(b.leads, 3);
  EXPECT_EQ(b.covariates, 0);
  EXPECT_FALSE(b.tied);
}

TEST(StateDict, ListsEverythingThatDoesNotFit) {
  const SeEcgNetOptions options = options_of(tied(), "f", 720);
  const auto refuse = [&](const io::SafetensorsFile& dict, const std::string& message) {
    SeEcgNet network(options, cpu, 1);
    const std::vector<float> before = network.parameters().values().to_vector(cpu);
    expect_error([&] { load_state_dict(dict, "f", network, cpu); },
                 "f: does not fit this network: " + message);
    EXPECT_EQ(network.parameters().values().to_vector(cpu), before);
  };
  io::SafetensorsFile dict = tied();
  dict.tensors.erase("bn1.bias");
  dict.tensors.erase("block2_list.1.3.bn2.num_batches_tracked");
  dict.tensors["extra"] = StoredTensor::of<float>({1}, std::vector<float>{1});
  refuse(dict, "missing bn1.bias; missing block2_list.1.3.bn2.num_batches_tracked; unknown extra");

  dict = tied();
  dict.tensors["bn1.bias"] = StoredTensor::of<float>({7}, std::vector<float>(7));
  refuse(dict, "bn1.bias is F32 (7), expected F32 (8)");
  dict.tensors["bn1.bias"] = StoredTensor::of<bf16>({8}, std::vector<bf16>(8));
  refuse(dict, "bn1.bias is BF16 (8), expected F32 (8)");

  dict = tied();
  dict.tensors["block1.2.downsample.conv.bias"].bytes[3] ^= std::byte{1};
  refuse(dict,
         "block1.2.downsample.conv.bias differs from block1.0.downsample.conv.bias, expected copies of one "
         "tied");
  refuse(golden("leads3_length777_untied"), "conv1.weight is F32 (4, 1, 1, 50), expected F32 (8, 1, 1, 50)");
  refuse({}, "missing conv1.weight; missing bn1.weight; missing bn1.bias;");
}

TEST(StateDict, OfAnotherNetwork) {
  io::SafetensorsFile dict;
  expect_error([&] { load(dict); }, "f: not a state dict of SE-ECGNet: missing conv1.weight");
  dict = tied();
  dict.tensors["conv1.weight"] = StoredTensor::of<float>({8, 50}, std::vector<float>(400));
  expect_error([&] { load(dict); }, "conv1.weight is F32 (8, 50), expected 4 axes");
  dict = tied();
  dict.tensors["fc.weight"] = StoredTensor::of<float>({4, 40}, std::vector<float>(160));
  expect_error([&] { load(dict); }, "fc.weight is F32 (4, 40), expected at least 48 inputs");
  dict = tied();
  dict.tensors["block3_list.0.0.bn1.weight"] = StoredTensor::of<float>({15}, std::vector<float>(15));
  expect_error([&] { load(dict); }, "block3_list has 15 channels, expected a multiple of the 8 of conv1");
}

}  // namespace
}  // namespace sec::model
