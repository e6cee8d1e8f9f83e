// Creates networks by name.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/network.h"
#include "model/se_ecgnet.h"

namespace sec::model {

// The names that options.model accepts. SE-ECGNet, the paper's network, is first.
std::vector<std::string> network_models();

// The title in reports and files: "SE-ECGNet" for the model "se-ecgnet". Throws Error on an unknown model.
std::string network_title(const std::string& model);

// Options with the width and dropout of the authors' released model.
// The caller sets the sizes of inputs and outputs. Throws Error on an unknown model.
NetworkOptions released_options(const std::string& model);

// The name of the network with this title. Throws Error, starting with `what`, if there is none.
std::string network_titled(const std::string& title, const std::string& what);

// Creates the network options.model with initial weights.
// Throws Error on an unknown model and on options that are out of range.
std::unique_ptr<Network> make_network(const NetworkOptions& options, Stream& stream, std::uint64_t seed);

// The same network with registered, unallocated parameters: what shapes it has, before memory is taken for them.
std::unique_ptr<Network> describe_network(const NetworkOptions& options);

}  // namespace sec::model
