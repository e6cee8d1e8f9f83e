// Predictions of a network: logits, probabilities and classes of beats.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "model/network.h"
#include "train/data/beat_dataset.h"
#include "train/data/loader.h"
#include "train/scoring/graph_forward.h"

namespace sec::train {

// A network, and how its logits become classes.
struct Classifier {
  model::Network& network;
  const Recipe& recipe;
  std::vector<float> offsets;  // (classes), added to the logits before the largest one is chosen
  Stream& stream;
  std::shared_ptr<GraphForward> forward;  // the network's forward pass on `stream`
};

// The logits (N, classes) of beats in the network's input format, in inference mode.
// Batches have recipe.train.evaluation_batch beats.
std::vector<float> logits_of(Classifier& classifier,
                             std::span<const float> x,           // (N, L, H)
                             std::span<const float> covariates,  // (N, K)
                             std::size_t n);

// The logits (N, classes) of unaugmented examples of a dataset.
std::vector<float> logits_of(Classifier& classifier, const Dataset& examples, std::span<const ExampleId> ids);

// A whole recording in the network's input format.
struct WholeRecording {
  std::span<const float> x;           // (data.length, H)
  std::span<const float> covariates;  // (K)
};

// The logits (N, classes) of whole recordings. With data.crop they are the mean or, with decision.crops = "max", the
// largest of those of the recording's crops (train/data/crops.h), class by class; not finite if one of these is not.
std::vector<float> logits_of(Classifier& classifier, std::span<const WholeRecording> recordings);

// The answer for a beat whose logits are not all finite.
constexpr int not_classifiable = -1;

// The index of the class with the largest logit + offset, the first on ties; or not_classifiable.
int decide(const Classifier& classifier, std::span<const float> logits);

// The probabilities (classes) of a beat: softmax of logits + offsets; for the losses "focal" and "bce": sigmoid.
std::vector<float> probabilities_of(const Classifier& classifier, std::span<const float> logits);

struct Prediction {
  std::vector<float> logits;         // (beats, classes), without the offsets
  std::vector<float> probabilities;  // (beats, classes)
  std::vector<int> labels;           // the most probable class of each beat; the first on ties
};

// Runs the network in inference mode over beats, in batches of recipe.train.evaluation_batch.
// Throws Error, naming the beat, if logits are not finite.
Prediction predict(Classifier& classifier, const BeatDataset& dataset, std::span<const ExampleId> beats);

// The mean loss of labelled beats in double precision, without class weights and label smoothing.
// "cross_entropy" and "focal" are averaged over beats, "bce" over the cells (beats, classes).
double mean_loss(const Prediction& prediction, std::span<const ExampleId> beats, const BeatDataset& dataset,
                 const Recipe& recipe);

// Copies the inputs of a batch to the stream's device.
Tensor input_tensor(const Batch& batch, const Dataset& examples, Stream& stream);  // (N, L, H, 1)
// Copies the covariates of a batch to the stream's device: (N, K), or undefined if K = 0.
Tensor covariate_tensor(const Batch& batch, const Dataset& examples, Stream& stream);

}  // namespace sec::train
