// Exports SE-ECGNet as an ONNX model (opset 17) in evaluation mode. The model uses these standard operators:
// Conv, BatchNormalization, Relu, GlobalAveragePool, Gemm, Sigmoid, Mul, Add, Reshape, Unsqueeze,
// Flatten and Concat.
// The batch size is dynamic. Axes, channel order and weight names are those of PyTorch's state dict.
#pragma once

#include <string>

#include "model/se_ecgnet.h"

namespace sec::model {

// Returns the content of an .onnx file. `producer` names the program that wrote it, such as "sec 1.0".
// Inputs: `signal` (N, H, L) in mV and, if K > 0, `covariates` (N, K). Output: `logits` (N, classes).
std::string to_onnx(SeEcgNet& network, const std::string& producer, Stream& stream);

}  // namespace sec::model
