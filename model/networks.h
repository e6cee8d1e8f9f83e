// The networks by name.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/network.h"
#include "model/se_ecgnet.h"

namespace sec::model {

// What options.model may be, the paper's network first.
std::vector<std::string> network_models();

// What people and files call it: "SE-ECGNet" for "se-ecgnet". Throws Error on an unknown model.
std::string network_title(const std::string& model);

// The options of a model as its authors released it: width and dropout; the sizes are to be filled in. Throws
// Error on an unknown model.
NetworkOptions released_options(const std::string& model);

// The model of that title. Throws Error, beginning with `what`, if there is none.
std::string network_titled(const std::string& title, const std::string& what);

// Makes options.model with its first weights. Throws Error on an unknown model and on options that do not fit
// it.
std::unique_ptr<Network> make_network(const NetworkOptions& options, Stream& stream, std::uint64_t seed);

// The network as the SE-ECGNet it is. Throws Error, beginning with `what`, if it is another: state dicts
// and ONNX are known of SE-ECGNet alone.
SeEcgNet& as_se_ecgnet(Network& network, const std::string& what);

}  // namespace sec::model
