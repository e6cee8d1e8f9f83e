// Converts a network's weights to and from PyTorch's state_dict: PyTorch's names, layouts and channel order.
// A tied downsample appears once under each block that shares it. Each batch norm has a count of batches.
// SE-ECGNet has the names of the paper's parts, or those of its authors' released code. docs/baselines.md documents
// the names of the baselines.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "io/models/safetensors.h"
#include "model/se_ecgnet.h"

namespace sec::model {

// The layout of a tensor in PyTorch. Element i of our tensor is element from[i] of PyTorch's tensor.
// `from` is a permutation, so it maps in both directions.
struct TorchLayout {
  std::vector<std::int64_t> shape;  // PyTorch's: (Out, In, 1, K), (Out, In, K), (Out, In) or (C)
  std::vector<std::int64_t> from;
};
TorchLayout torch_layout(const NetworkOptions& options, const std::string& name, const Shape& ours);

// All names of our tensor `name` in PyTorch's state_dict. A downsample that blocks share has several names.
std::vector<std::string> torch_names(const NetworkOptions& options, const std::string& name);

// The names of SE-ECGNet's tensors in a state dict:
//   ours      conv1, bn1, se.fc1, downsample.bn, and bn1 to bn4 in blocks of the 1-D part
//   released  those of the authors' code: conv, bn, SE.excitation.0, downsample.0, and bn1, bn4, bn5, bn6
enum class TensorNames { ours, released };

// The name in the authors' code of the tensor that we call `name`.
std::string released_name(std::string name);

// Which names a state dict has: released if it has a tensor conv.weight.
TensorNames names_in(const io::SafetensorsFile& dict);

// Derives the options of SE-ECGNet from the shapes in a state dict. Errors name `file`.
// `tied` is set if the downsamples of each stage are equal, and always with released names, as that code ties them.
// The caller sets the length, which weights lack.
// Throws Error if a tensor that determines an option is missing or has another rank.
SeEcgNetOptions options_of(const io::SafetensorsFile& dict, const std::string& file, std::int64_t length);

// num_batches_tracked of each batch norm, by our name for it in the state dict.
// PyTorch counts batches; this engine only keeps the counts for export.
using BatchCounts = std::map<std::string, std::int64_t>;

// Loads a state dict, with names of either kind, into the network. After an error the network is unchanged.
// Throws Error, listing missing and unknown tensors, wrong shapes and tied copies that differ.
BatchCounts load_state_dict(const io::SafetensorsFile& dict, const std::string& file, Network& network,
                            Stream& stream);

// Throws Error, naming the file and the tensor, unless all values are finite. A running variance must not be
// negative either.
void require_usable(const std::string& file, const std::string& name, std::span<const float> values);

// Exports the network. Missing counts are 0. A loaded state dict is exported with the same bits.
// Throws Error if the names are to be released ones and the network is not SE-ECGNet, or is not tied: the authors'
// code would load one of the downsamples of a stage into all of its blocks.
io::SafetensorsFile to_state_dict(Network& network, const BatchCounts& counts, Stream& stream,
                                  TensorNames names = TensorNames::ours);

}  // namespace sec::model
