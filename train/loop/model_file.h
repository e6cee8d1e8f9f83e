// Files of a single network, without a training run: weights of sectrain or a PyTorch state dict.
#pragma once

#include <filesystem>
#include <memory>

#include "model/state_dict.h"

namespace sec::train {

struct StoredNetwork {
  std::unique_ptr<model::Network> network;
  model::BatchCounts counts;  // PyTorch's num_batches_tracked, kept for export
  std::map<std::string, std::string>
      metadata;  // of sectrain: recipe, decision, ...; of a state dict: amplitudes
};

// The file of pretrained:NAME (train/loop/pretrained.h), the best.safetensors of a run folder, or `path` itself if it
// names a file. Throws Error if there is none.
std::filesystem::path weights_file(const std::filesystem::path& path);

// The unit of the samples that a network was trained on, in the words of the recipe key input.amplitudes:
// "millivolts", "raw" (a file's whole numbers) or "standardised". Known from the recipe of weights of sectrain, or
// from the metadata "amplitudes" of write_model(). A state dict with the names of the released code wants "raw", as
// that code is trained on whole numbers; otherwise it is "millivolts".
std::string amplitudes_of(const StoredNetwork& model, const std::filesystem::path& path);

// Reads weights of sectrain or write_model(), whose metadata describe the network, or a PyTorch state dict,
// whose shapes do. A state dict has no input length: it is `length` samples, or `otherwise` if `length` is 0.
// Throws Error if the file is neither, if its tensors do not fit, or if it has another length than `length`.
StoredNetwork read_model(const std::filesystem::path& path, std::int64_t length, Stream& stream,
                         std::int64_t otherwise = 0);

// Writes a file in the format of sectrain:
// weights in the engine's layout, the network's options, and `metadata`.
void write_model(const std::filesystem::path& path, const StoredNetwork& model, Stream& stream);

// Loads weights of either format, or those of a run folder, into a network. Throws Error unless the file holds exactly its tensors.
void load_initial_weights(const std::filesystem::path& path, model::Network& network, Stream& stream);

}  // namespace sec::train
