// SE-ECGNet as an ONNX model (onnx.ai/onnx/operators, opset 17), in evaluation mode and with standard
// operators only: Conv, BatchNormalization, Relu, GlobalAveragePool, Gemm, Sigmoid, Mul, Add, Reshape,
// Unsqueeze, Flatten, Concat. The batch size is free. Axes, channel order and weight names are those of
// PyTorch's state dict.
#pragma once

#include <string>

#include "model/se_ecgnet.h"

namespace sec::model {

// The bytes of a .onnx file. Inputs: `signal` (N, H, L) in mV, and where the network has them `covariates`
// (N, K); output: `logits` (N, classes). `producer` is what made it, as "sec 1.0".
std::string to_onnx(SeEcgNet& network, const std::string& producer, Stream& stream);

}  // namespace sec::model
