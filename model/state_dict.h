// A network's weights in the form of PyTorch's state_dict: its names, its layouts, its order of channels, a
// tied downsample once under each block that shares it, and for each batch norm the number of batches seen.
// The names of SE-ECGNet are those of its authors' module tree; the baselines' are their own
// (docs/baselines.md).
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "io/models/safetensors.h"
#include "model/se_ecgnet.h"

namespace sec::model {

// How a tensor of ours lies in PyTorch: ours[i] = theirs[from[i]]. A permutation, so it serves both ways.
struct TorchLayout {
  std::vector<std::int64_t> shape;  // PyTorch's: (Out, In, 1, K), (Out, In, K), (Out, In) or (C)
  std::vector<std::int64_t> from;
};
TorchLayout torch_layout(const NetworkOptions& options, const std::string& name, const Shape& ours);

// A name of ours, and every name under which PyTorch's state_dict holds that tensor: more than one where
// blocks share a downsample.
std::vector<std::string> torch_names(const NetworkOptions& options, const std::string& name);

// The SE-ECGNet that a state dict belongs to, read off its shapes; tied if all downsamples of every stage are
// equal. The length is the caller's: weights do not depend on it. `file` is for messages. Throws Error if the
// tensors that say so are missing or of another form.
SeEcgNetOptions options_of(const io::SafetensorsFile& dict, const std::string& file, std::int64_t length);

// num_batches_tracked of each batch norm, which PyTorch counts and nothing here needs, by its state dict
// name.
using BatchCounts = std::map<std::string, std::int64_t>;

// Loads all of it into the network, or throws Error: one line that lists missing, unknown and misshapen
// tensors and tied copies that differ. The network is then as it was.
BatchCounts load_state_dict(const io::SafetensorsFile& dict, const std::string& file, Network& network,
                            Stream& stream);

// Throws Error, naming the file and the tensor, unless all values are finite, and not negative in a running variance: with
// such weights a network answers nonsense.
void require_usable(const std::string& file, const std::string& name, std::span<const float> values);

// Counts that are not given are 0. What load_state_dict was given comes back bit for bit.
io::SafetensorsFile to_state_dict(Network& network, const BatchCounts& counts, Stream& stream);

}  // namespace sec::model
