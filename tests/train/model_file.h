// Writes a model file with random initial weights, for tests of inference that need no trained network.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "model/networks.h"
#include "train/loop/checkpoint.h"

namespace sec::train {

inline void write_model(const std::filesystem::path& path, const Recipe& recipe,
                        const std::vector<float>& offsets) {
  Stream stream;
  const auto network = model::make_network(network_options(recipe), stream, 7);
  save_weights(path, *network, {to_toml(recipe), "fnv1a64:0", offsets}, EpochOfWeights{}, stream);
}

}  // namespace sec::train
