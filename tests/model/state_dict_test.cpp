// Imports and exports the state dicts in the golden files, which PyTorch wrote.
#include "model/state_dict.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

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

// A state dict with the names of the released code, made from ours.
io::SafetensorsFile with_released_names(const io::SafetensorsFile& dict) {
  io::SafetensorsFile renamed;
  for (const auto& [name, tensor] : dict.tensors) {
    renamed.tensors[released_name(name)] = tensor;
  }
  return renamed;
}

TEST(StateDict, NamesOfTheReleasedCode) {
  const std::pair<const char*, const char*> names[] = {
      {"conv1.weight", "conv.weight"},
      {"bn1.num_batches_tracked", "bn.num_batches_tracked"},
      {"fc.bias", "fc.bias"},
      {"block1.0.bn1.weight", "block1.0.bn1.weight"},
      {"block1.2.conv1.weight", "block1.2.conv1.weight"},
      {"block1.0.se.fc1.weight", "block1.0.SE.excitation.0.weight"},
      {"block1.1.downsample.bn.running_var", "block1.1.downsample.0.running_var"},
      {"block2_list.2.3.bn3.bias", "block2_list.2.3.bn3.bias"},
      {"block2_list.2.3.se.fc2.bias", "block2_list.2.3.SE.excitation.2.bias"},
      {"block3_list.0.0.bn1.weight", "block3_list.0.0.bn1.weight"},
      {"block3_list.0.1.conv1.weight", "block3_list.0.1.conv1.weight"},
      {"block3_list.0.1.bn2.weight", "block3_list.0.1.bn4.weight"},
      {"block3_list.0.1.conv2.weight", "block3_list.0.1.conv4.weight"},
      {"block3_list.0.1.bn3.running_mean", "block3_list.0.1.bn5.running_mean"},
      {"block3_list.2.3.bn4.num_batches_tracked", "block3_list.2.3.bn6.num_batches_tracked"},
      {"block3_list.2.3.conv4.weight", "block3_list.2.3.conv6.weight"},
      {"block3_list.1.2.se1.fc1.bias", "block3_list.1.2.SE1.excitation.0.bias"},
      {"block3_list.1.2.se2.fc2.weight", "block3_list.1.2.SE2.excitation.2.weight"},
      {"block3_list.1.2.downsample.conv.bias", "block3_list.1.2.downsample.2.bias"}};
  for (const auto& [ours, released] : names) {
    EXPECT_EQ(released_name(ours), released);
  }
}

// The list of names and shapes that the released code's module has, 8 leads and 34 classes.
TEST(StateDict, HasEveryNameAndShapeOfTheReleasedCode) {
  const auto real = io::real_data("released/state_dict_names.json");
  if (!real) {
    GTEST_SKIP() << "NOT TESTED against the released code's names: SEC_DATA is not set";
  }
  const auto list = nlohmann::json::parse(io::content_of(*real));
  SeEcgNetOptions options;
  options.leads = 8;
  options.length = 2048;
  options.classes = 34;
  options.covariates = 0;
  options.width = 32;
  options.tied = true;
  SeEcgNet network(options, cpu, 1);
  const io::SafetensorsFile dict = to_state_dict(network, {}, cpu, TensorNames::released);
  EXPECT_EQ(dict.tensors.size(), list.size());
  for (const auto& entry : list) {
    const auto found = dict.tensors.find(entry[0].get<std::string>());
    ASSERT_NE(found, dict.tensors.end()) << entry;
    EXPECT_EQ(found->second.shape, entry[1].get<std::vector<std::int64_t>>()) << entry;
  }
}

TEST(StateDict, LoadsAndExportsReleasedNames) {
  const io::SafetensorsFile dict = golden("leads8_length2048_tied");
  const io::SafetensorsFile released = with_released_names(dict);
  ASSERT_EQ(released.tensors.size(), dict.tensors.size());
  EXPECT_EQ(names_in(released), TensorNames::released);
  const SeEcgNetOptions options = options_of(released, "f", 2048);
  EXPECT_EQ(options.leads, 8);
  EXPECT_TRUE(options.tied);
  SeEcgNet network(options, cpu, 1);
  const BatchCounts counts = load_state_dict(released, "f", network, cpu);
  for (const auto& [names, expected] :
       {std::pair{TensorNames::released, &released}, std::pair{TensorNames::ours, &dict}}) {
    const io::SafetensorsFile back = to_state_dict(network, counts, cpu, names);
    ASSERT_EQ(back.tensors.size(), expected->tensors.size());
    for (const auto& [key, tensor] : expected->tensors) {
      EXPECT_TRUE(back.at(key).bytes == tensor.bytes) << key;
    }
  }
}

// The released code ties the downsamples of a stage, so copies that differ are damage, not a network without ties.
TEST(StateDict, RefusesReleasedCopiesThatDiffer) {
  io::SafetensorsFile dict = with_released_names(tied());
  io::StoredTensor& copy = dict.tensors["block1.1.downsample.0.weight"];
  copy.bytes[0] =
      static_cast<decltype(copy.bytes)::value_type>(static_cast<unsigned char>(copy.bytes[0]) ^ 1U);
  expect_error(
      [&] { load(dict); },
      "f: does not fit this network: block1.1.downsample.0.weight differs from block1.0.downsample.0.weight");
  dict = with_released_names(tied());
  dict.tensors.erase("block3_list.0.0.bn4.weight");
  expect_error([&] { load(dict); }, "missing block3_list.0.0.bn4.weight");
  const io::SafetensorsFile separate = golden("leads3_length777_untied");
  SeEcgNet network(options_of(separate, "f", 777), cpu, 1);
  load_state_dict(separate, "f", network, cpu);
  expect_error([&] { to_state_dict(network, {}, cpu, TensorNames::released); },
               "released names: the blocks of a stage have separate downsamples");
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
