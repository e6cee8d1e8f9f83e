// What a model of sectrain says about its inputs and outputs beyond their shapes.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "train/loop/model_file.h"

namespace sec::tools {

// The names of the classes in the order of the logits; empty for a state dict, which has none.
std::vector<std::string> classes_of(const train::StoredNetwork& model, const std::filesystem::path& file);

// For the metadata_props of an ONNX model. All values but "task", "decision" and "recipe" are JSON.
//   task           "beats" or "recordings"
//   classes        names in the order of the logits
//   leads          names as in data.leads, in their order
//   rate_hz        of the input's samples
//   decision       the rule that turns logits into classes; its numbers are logit_offsets (classes)
//   thresholds     recordings: probabilities (classes), above which a class is assigned
//   normalisation  how samples become the input: the keys of the recipe that matter
//   recipe         the whole recipe, TOML
// Empty for a state dict, which says nothing of all this. Throws Error, naming the file, if its recipe cannot be read.
std::map<std::string, std::string> onnx_metadata(const train::StoredNetwork& model,
                                                 const std::filesystem::path& file);

}  // namespace sec::tools
