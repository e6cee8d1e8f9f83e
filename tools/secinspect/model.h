// The network to be inspected, and what is known about it.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/network.h"
#include "tools/secinspect/options.h"
#include "train/recipe/recipe.h"

namespace sec::tools {

struct InspectedModel {
  std::filesystem::path file;
  std::unique_ptr<model::Network> network;
  train::Recipe recipe;               // of a state dict: what its shapes say, for whole recordings
  std::vector<float> offsets;         // (classes), added to the logits for the decision
  std::optional<double> temperature;  // fitted by the run on its validation records

  bool softmax() const { return recipe.loss.kind == "cross_entropy"; }
  int decide(std::span<const float> logits) const;  // the class with the largest logit + offset
  std::vector<double> probabilities(std::span<const float> logits) const;
};

// Loads a run folder, a model file or a state dict.
// Throws Error, naming the file, if it is none of these, or if --leads or --length do not fit.
InspectedModel load_model(const Options& options, Stream& stream);

}  // namespace sec::tools
