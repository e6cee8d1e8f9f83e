// Checkpoints as safetensors files, written atomically.
//
// Weights (best.safetensors): the network's parameters and running statistics under their names, and as
// metadata "format", "network" (the options a program needs to build it), "recipe", "decision" (what is added
// to the logits before a class is decided) and "chosen". Training (last.safetensors): the same of the live
// weights, and with the prefixes "optimizer." and "average." the optimizer's moments and moving averages, and
// as metadata all counters. Random numbers need no state: they are functions of seed and step. The same
// training gives the same bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "model/network.h"
#include "train/loop/optimizer.h"
#include "train/loop/progress.h"
#include "train/recipe/recipe.h"

namespace sec::train {

// What a checkpoint must agree with to be loaded.
struct CheckpointContext {
  std::string recipe;                        // resolved TOML
  std::string fingerprint;                   // of the data
  std::vector<float> decision_offsets = {};  // (classes): for programs that use the weights
};

// Writes parameters and running statistics as they are. Throws Error naming the file; an older one is then
// untouched.
void save_weights(const std::filesystem::path& path, model::Network& network,
                  const CheckpointContext& context, const Progress& progress, Stream& stream);

// The same without a run: format and network join `metadata`.
void save_network(const std::filesystem::path& path, model::Network& network,
                  std::map<std::string, std::string> metadata, Stream& stream);

// Gives a weights file another decision, and leaves the rest of it as it is.
void replace_decision(const std::filesystem::path& path, const std::vector<float>& offsets);

// Throws Error, as load_weights does, unless a weights file holds the tensors of this network. Takes no memory for them.
void require_weights_of(const std::filesystem::path& path, const model::NetworkOptions& options);

// Loads them into the network. Throws Error listing missing, extra and misshapen tensors.
void load_weights(const std::filesystem::path& path, model::Network& network, Stream& stream);

// What a weights file says about itself: enough to build the network and to read its answers.
struct WeightsInfo {
  Recipe recipe;
  std::vector<float> decision_offsets;  // (classes)
};
// Throws Error, naming the file, if it is no weights file or contradicts itself: its network must be the one
// that its recipe describes.
WeightsInfo read_weights_info(const std::filesystem::path& path);

// The network of a recipe.
model::NetworkOptions network_options(const Recipe& recipe);

void save_training(const std::filesystem::path& path, model::Network& network,
                   const OptimizerState& optimizer, const CheckpointContext& context,
                   const Progress& progress, Stream& stream);

// Loads all of it. Throws Error as load_weights does, and if recipe or data differ from the context's;
// recipe keys that do not change results (title, loader_threads, checkpoint_steps, log_steps) may.
Progress load_training(const std::filesystem::path& path, model::Network& network, OptimizerState& optimizer,
                       const CheckpointContext& context, Stream& stream);

}  // namespace sec::train
