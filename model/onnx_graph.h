// Exports networks as ONNX models (opset 17) in evaluation mode, in standard operators only.
// The batch size is dynamic. Axes, channel order and weight names are those of PyTorch's state dict.
#pragma once

#include <map>
#include <string>

#include "model/network.h"

namespace sec::model {

// Returns the content of an .onnx file. `producer` names the program that wrote it, such as "sec 1.0".
// Inputs: `signal` (N, H, L) and, if K > 0, `covariates` (N, K). Output: `logits` (N, classes).
// `metadata` becomes the model's metadata_props.
std::string to_onnx(Network& network, const std::string& producer,
                    const std::map<std::string, std::string>& metadata, Stream& stream);

}  // namespace sec::model
