// The ONNX graphs of the baselines, from the input "signal" (N, H, L) and "covariates" (N, K) to "logits" (N, classes).
#pragma once

#include <string>
#include <vector>

#include "model/network.h"
#include "model/onnx_builder.h"

namespace sec::model {

void onnx_resnet34(OnnxGraph& graph, const NetworkOptions& options);
void onnx_ecgnet(OnnxGraph& graph, const NetworkOptions& options);
void onnx_bircnn(OnnxGraph& graph, const NetworkOptions& options);

// The head of every network: joins features (N, C1), (N, C2), ... and makes the logits from them.
void onnx_head(OnnxGraph& graph, const std::vector<std::string>& features);

}  // namespace sec::model
