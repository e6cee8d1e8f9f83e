// Observes a network at work on one input: every operation of the forward pass with its output, and the walk back
// with the gradient that reaches each of them. The pass is in inference mode and unfused, one node per operation.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/autograd.h"
#include "model/network.h"

namespace sec::train {

// What a position of an output sees of the input, in input samples: position i sees the samples
// first + i * stride to first + i * stride + size - 1. Padding lies outside [0, L).
// The squeeze of a gate, which sees everything, is left out of account.
struct ReceptiveField {
  std::int64_t first = 0, size = 1, stride = 1;
};

struct ObservedNode {
  std::string name;         // unique: "block1.0.conv1", "block1.0.bn1.relu", "block1.0.se", "features"
  std::string operation;    // "input", "covariates", or the operation's name on the tape
  std::string group;        // the part of the network: "input", "stem", "trunk", "scale 3", "head", "layer2"
  std::vector<int> inputs;  // indices of nodes
  Shape shape;              // with the batch axis
  std::vector<float> values;
  std::vector<float> gradient;  // of the target by the values; empty if the target does not depend on them
  std::vector<layers::Parameter*> parameters;  // in the operation's order
  TimeWindow window;
  std::optional<ReceptiveField> field;  // nullopt: every position sees all of the input
  std::int64_t macs = 0;                // multiply-accumulates per sample
  std::int64_t backward_order = -1;     // place in the walk back; -1: not visited
  std::int64_t forward_bytes = 0;       // of tensors that are alive right after the operation
  std::int64_t backward_bytes = 0;      // of tensors that are alive when its gradient is complete

  std::int64_t extent(int axis) const { return shape.rank() == 4 ? shape[axis] : 0; }
  std::int64_t parameter_count() const;
};

struct Observation {
  std::vector<ObservedNode> nodes;  // in forward order
  std::vector<int> walk;            // nodes in the order of the walk back
  std::vector<float> logits;        // (N, classes)
  std::int64_t initial_bytes = 0;   // of tensors that were alive before: parameters, states, inputs

  // Throws Error if there is no node of this name.
  const ObservedNode& node(const std::string& name) const;
};

// An input of the network.
struct NetworkInput {
  std::int64_t n = 1;
  std::vector<float> x;           // (n, L, H)
  std::vector<float> covariates;  // (n, K)
};

// Runs the network forward and back. `target` is the gradient of the logits of every sample, (classes).
// It becomes the seed of the walk. The parameters' gradients are added to those of the network.
Observation observe(model::Network& network, Stream& stream, const NetworkInput& input,
                    std::span<const float> target);

// The logits and the gradient of sum(target * logits) by each sample's own input.
struct InputGradient {
  std::vector<float> logits;      // (n, classes)
  std::vector<float> x;           // (n, L, H)
  std::vector<float> covariates;  // (n, K)
};
InputGradient input_gradient(model::Network& network, Stream& stream, const NetworkInput& input,
                             std::span<const float> target);

// The logits (n, classes), in batches.
std::vector<float> logits_of(model::Network& network, Stream& stream, const NetworkInput& input);

// The factors of every squeeze-and-excite gate, in the order of the nodes, and the features of the head.
struct GatesAndFeatures {
  std::vector<std::vector<float>> gates;  // [gate](n, C)
  std::vector<float> features;            // (n, F), the input of the last linear layer
  std::vector<float> logits;              // (n, classes)
};
GatesAndFeatures gates_and_features(model::Network& network, Stream& stream, const NetworkInput& input);

// The time in seconds of every recorded operation of a forward pass: of each the shortest of `repeats` passes. The
// operations are in the order of the nodes behind the inputs. Measured on the cpu device, whose calls return when done.
std::vector<double> operation_seconds(model::Network& network, Stream& stream, const NetworkInput& input,
                                      int repeats);

// The last node that lies on every path from the signal to the logits and still has a time axis, for Grad-CAM:
// in SE-ECGNet the end of the trunk. Nodes with at least `positions` time steps are preferred.
int trunk_end(const Observation& observation, std::int64_t positions = 8);

}  // namespace sec::train
