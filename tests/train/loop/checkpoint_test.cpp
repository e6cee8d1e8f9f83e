// Weights files that must not be used: they hold values that no network can work with, or claim to hold more than they do.
#include "train/loop/checkpoint.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "engine/memory.h"
#include "io/models/safetensors.h"
#include "tests/train/model_file.h"
#include "tests/train/tiny_run.h"
#include "train/loop/model_file.h"
#include "train/streaming/stream_classifier.h"

namespace sec::train {
namespace {

using io::expect_error;
using io::TemporaryFolder;

// A weights file of the tiny recipe, changed by `change`.
std::filesystem::path weights_file(const TemporaryFolder& folder,
                                   const std::function<void(io::SafetensorsFile&)>& change) {
  std::filesystem::path path = folder / "best.safetensors";
  const Recipe recipe = tiny_recipe();
  write_model(path, recipe, std::vector<float>(recipe.classes.size(), 0.0F));
  io::SafetensorsFile file = io::read_safetensors(path);
  change(file);
  io::write_safetensors(path, file);
  return path;
}

void set(io::SafetensorsFile& file, const std::string& name, std::size_t index, float value) {
  io::StoredTensor& tensor = file.tensors.at(name);
  const std::span<const float> stored = tensor.as<float>(name);
  std::vector<float> values(stored.begin(), stored.end());
  values.at(index) = value;
  tensor = io::StoredTensor::of<float>(tensor.shape, std::span<const float>(values));
}

TEST(Weights, ThatAreNotFiniteAreRefusedWithTheTensorsName) {
  const TemporaryFolder folder;
  for (const float value :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const auto path =
        weights_file(folder, [&](io::SafetensorsFile& file) { set(file, "bn1.bias", 2, value); });
    expect_error([&] { Model(path, Device::cpu); }, "bn1.bias[2] is");
    Stream stream;
    expect_error([&] { read_model(path, 0, stream); }, "expected finite weights");
    const auto network = model::make_network(network_options(tiny_recipe()), stream, 1);
    expect_error([&] { load_initial_weights(path, *network, stream); }, "bn1.bias[2]");
  }
}

TEST(Weights, WithANegativeVarianceAreRefused) {
  const TemporaryFolder folder;
  const auto path =
      weights_file(folder, [](io::SafetensorsFile& file) { set(file, "bn1.running_var", 0, -0.5F); });
  expect_error([&] { Model(path, Device::cpu); },
               "bn1.running_var[0] is -0.5, expected a variance of 0 or more");
}

// A small file whose recipe asks for a large network is refused from its header: no memory is taken for the network.
TEST(Weights, AreComparedWithTheirRecipeBeforeMemoryIsTaken) {
  const TemporaryFolder folder;
  const auto claim = [](io::SafetensorsFile& file) {
    const Recipe wide = tiny_recipe({"network.width=512"});
    const TemporaryFolder other;
    // The metadata of a network of width 512, with the tensors of one of width 4.
    file.metadata["recipe"] = to_toml(wide);
    std::string& network = file.metadata["network"];
    const std::size_t at = network.find("\"width\":4");
    ASSERT_NE(at, std::string::npos) << network;
    network.replace(at, 9, "\"width\":512");
  };
  const auto path = weights_file(folder, claim);
  const std::size_t before = memory_statistics(Device::cpu).reserved;
  expect_error([&] { Model(path, Device::cpu); }, "does not fit this network");
  Stream stream;
  expect_error([&] { read_model(path, 0, stream); }, "does not fit this network");
  EXPECT_LT(memory_statistics(Device::cpu).reserved - before, 1'000'000U);
}

}  // namespace
}  // namespace sec::train
