// Checkpoints as safetensors files, written atomically.
//
// Weights files (best.safetensors, epoch_0007.safetensors) hold the network's parameters and running statistics under their names.
// Their metadata are "format", "network" (the options that rebuild the network),
// "recipe", "decision" (offsets that are added to the logits before a class is decided), "chosen",
// "run" (the identity of the run) and "instruction_set".
// Training files (last.safetensors) hold the current weights, the optimizer's moments (prefix "optimizer.")
// and moving averages (prefix "average."), and all counters as metadata.
// Both kinds have a "checksum" of their tensors.
// Older files have neither "run", "instruction_set" nor "checksum", and are still read.
// Random numbers are functions of seed and step, and need no state. The same training writes the same bytes.
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

namespace sec::io {
struct SafetensorsFile;
}

namespace sec::train {

// Properties of a run that a checkpoint must match to be loaded.
struct CheckpointContext {
  std::string recipe;                        // resolved TOML
  std::string fingerprint;                   // hash of the data
  std::vector<float> decision_offsets = {};  // (classes), for programs that use the weights
  std::string run = {};                      // run_id() of the run's beginning; empty: unknown
  std::string instruction_set = {};          // of the cpu's kernels, as "avx2"; empty: another device
  std::string program = {};                  // name and version of the program that trains; empty: unknown
};

// The recipe with the defaults of the keys that do not change results: title, loader_threads, checkpoint_steps, log_steps
// and keep_epochs.
Recipe without_free_keys(Recipe recipe);

// Identifies a run by what its results depend on: recipe, data, instruction set, and `arithmetic`,
// a text that names device and precision. Runs that write the same bytes have the same id.
std::string run_id(const Recipe& recipe, const CheckpointContext& context, const std::string& arithmetic);

// The epoch at whose end a network had its weights.
struct EpochOfWeights {
  int epoch = 0;
  std::int64_t step = 0;         // optimizer steps taken
  double validation_score = -1;  // by train.choose_by; NaN without a validation split
};

// Writes the current parameters and running statistics.
// On failure throws Error naming the file, and leaves an older file as it was.
void save_weights(const std::filesystem::path& path, model::Network& network,
                  const CheckpointContext& context, const EpochOfWeights& chosen, Stream& stream);

// Writes a network that belongs to no run. Adds "format" and "network" to `metadata`.
void save_network(const std::filesystem::path& path, model::Network& network,
                  std::map<std::string, std::string> metadata, Stream& stream);

// Makes the checksum in the metadata that of the tensors, after they were changed.
void renew_checksum(io::SafetensorsFile& file);

// Replaces only the decision offsets of a weights file.
void replace_decision(const std::filesystem::path& path, const std::vector<float>& offsets);

// Throws Error, as load_weights does, unless a weights file holds the tensors of this network.
// Allocates no memory for the network. `path` is where `file` was read from.
void require_weights_of(const io::SafetensorsFile& file, const std::filesystem::path& path,
                        const model::NetworkOptions& options);

// Loads a weights file into the network. Throws Error listing tensors that are missing, unknown or misshapen,
// or if the tensors do not have the file's checksum.
void load_weights(const std::filesystem::path& path, model::Network& network, Stream& stream);
// Loads weights that were read from `path`.
void load_weights(const io::SafetensorsFile& file, const std::filesystem::path& path, model::Network& network,
                  Stream& stream);

// Throws Error unless a weights file can be the one that the run of `context` chose with this progress.
// The file must name the same run; an older file without a run must have the same recipe and data.
// It must hold the best epoch. A run killed after it wrote best.safetensors, and before last.safetensors,
// leaves weights of a later step: they are accepted, because the resumed run computes that epoch again.
void require_chosen(const std::filesystem::path& path, const CheckpointContext& context,
                    const Progress& progress);

// Loads the weights that a run has chosen. Throws Error as load_weights() and require_chosen() do.
void load_chosen_weights(const std::filesystem::path& path, model::Network& network,
                         const CheckpointContext& context, const Progress& progress, Stream& stream);

// The metadata needed to build the network of a weights file and to interpret its logits.
struct WeightsInfo {
  Recipe recipe;
  std::vector<float> decision_offsets;  // (classes)
  EpochOfWeights chosen;                // zeros where the file does not say
  std::string run;                      // run_id(); empty: unknown
};
// Throws Error, naming the file, if it is not a weights file,
// or if its network is not the one that its recipe describes.
WeightsInfo read_weights_info(const std::filesystem::path& path);

// The options of the network that a recipe describes.
model::NetworkOptions network_options(const Recipe& recipe);

// Writes a training file, from which load_training() resumes the run.
void save_training(const std::filesystem::path& path, model::Network& network,
                   const OptimizerState& optimizer, const CheckpointContext& context,
                   const Progress& progress, Stream& stream);

// Loads a training file. Sets run, instruction_set and program of the context to those of the file,
// and to empty texts where the file has none.
// Throws Error as load_weights() does, and if its recipe or data differ from the context's.
// Keys that do not change results (title, loader_threads, checkpoint_steps, log_steps, keep_epochs) may differ.
Progress load_training(const std::filesystem::path& path, model::Network& network, OptimizerState& optimizer,
                       CheckpointContext& context, Stream& stream);

}  // namespace sec::train
