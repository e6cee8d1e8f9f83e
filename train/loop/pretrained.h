// Models that come with the programs. They are named pretrained:NAME wherever a program takes a model.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/network.h"

namespace sec::io {
struct SafetensorsFile;
}

namespace sec::train {

inline constexpr const char* pretrained_prefix = "pretrained:";

// The folders in which models are looked for, the first that exists: share/sec/pretrained of the installation that the
// program or the library belongs to, and model/pretrained of the source tree that it was built from.
std::vector<std::filesystem::path> pretrained_folders();

// The names of the models there are, sorted.
std::vector<std::string> pretrained_models();

// The file of "pretrained:NAME"; nullopt for any other path. Throws Error, listing the models, if there is none of that
// name.
std::optional<std::filesystem::path> pretrained_file(const std::filesystem::path& path);

// What a model's metadata add when it is given away.
struct GiveAway {
  std::string data_licence;  // of the recordings that it was trained on
  std::string figures;       // JSON of further scores, as tools/pretrained writes; may be empty
};

// Makes the file of a model to give away from a run folder: its weights, of which tensors with two and more dimensions
// become f16, and its metadata with "title", "provenance", "data_licence", "scores", "calibration" and "figures".
// Throws Error if the folder lacks best.safetensors or metrics.json, or if a weight is too large for f16.
io::SafetensorsFile give_away(const std::filesystem::path& run, const GiveAway& options);

// The model card as Markdown, from the metadata that give_away() made. `name` is that of pretrained:NAME.
std::string model_card(const io::SafetensorsFile& model, const std::string& name, const std::string& file);

}  // namespace sec::train
