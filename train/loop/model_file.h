// A model by itself, without the run that made it: from sectrain's weights or from PyTorch's state dict.
#pragma once

#include <filesystem>
#include <memory>

#include "model/state_dict.h"

namespace sec::train {

struct StoredNetwork {
  std::unique_ptr<model::Network> network;
  model::BatchCounts counts;                    // PyTorch's, for the way back
  std::map<std::string, std::string> metadata;  // sectrain's: recipe, decision, ...; empty for a state dict
};

// Weights that sectrain or write_model wrote say which network they belong to; of a state dict it is read off
// the shapes, but for the length: that is `length`, in samples, or `otherwise` where that is 0. Throws Error
// if the file is neither, if it is one but does not fit, and if it says another length than `length`.
StoredNetwork read_model(const std::filesystem::path& path, std::int64_t length, Stream& stream,
                         std::int64_t otherwise = 0);

// Writes sectrain's form: weights in our layout, the network's options, and all of `metadata`.
void write_model(const std::filesystem::path& path, const StoredNetwork& model, Stream& stream);

// Loads weights of either form into a network: all that it has and nothing else, or throws Error.
void load_initial_weights(const std::filesystem::path& path, model::Network& network, Stream& stream);

}  // namespace sec::train
