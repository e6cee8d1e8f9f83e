// What a network says about beats.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "model/network.h"
#include "train/data/beat_dataset.h"
#include "train/data/loader.h"
#include "train/scoring/graph_forward.h"

namespace sec::train {

// A network and how its logits are read.
struct Classifier {
  model::Network& network;
  const Recipe& recipe;
  std::vector<float> offsets;  // (classes), added to the logits before a class is decided
  Stream& stream;
  std::shared_ptr<GraphForward> forward;  // the network's, on that stream
};

// The logits (N, classes) of beats as the network is given them, in inference mode, in batches of
// recipe.train.evaluation_batch.
std::vector<float> logits_of(Classifier& classifier,
                             std::span<const float> x,           // (N, L, H)
                             std::span<const float> covariates,  // (N, K)
                             std::size_t n);

// The same of unaugmented examples.
std::vector<float> logits_of(Classifier& classifier, const Dataset& examples, std::span<const ExampleId> ids);

// The index of the class that a beat's logits speak for; the first on ties.
int decide(const Classifier& classifier, std::span<const float> logits);

struct Prediction {
  std::vector<float> logits;         // (beats, classes), as the network gives them
  std::vector<float> probabilities;  // (beats, classes): of logits + offsets: softmax, or for
                                     // sigmoid losses each class's own
  std::vector<int> labels;           // the most probable class of each beat; the first on ties
};

// Runs the network, in inference mode, over beats in batches of recipe.train.evaluation_batch.
Prediction predict(Classifier& classifier, const BeatDataset& inputs, std::span<const ExampleId> beats);

// The mean loss of beats that have a label, in double precision, without class weights and label smoothing:
// the cross entropy, or for the sigmoid losses the kernel's loss divided by the number of beats (focal) or
// cells (bce).
double mean_loss(const Prediction& prediction, std::span<const ExampleId> beats, const BeatDataset& inputs,
                 const Recipe& recipe);

// A batch's tensors on the stream's device.
Tensor input_tensor(const Batch& batch, const Dataset& examples, Stream& stream);  // (N, L, H, 1)
Tensor covariate_tensor(const Batch& batch, const Dataset& examples,
                        Stream& stream);  // (N, K); undefined: K = 0

}  // namespace sec::train
