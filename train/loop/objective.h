// The recipe's loss of a training batch, and its class weights.
#pragma once

#include <span>
#include <vector>

#include "layers/pass.h"
#include "train/data/beat_dataset.h"
#include "train/data/loader.h"

namespace sec::train {

// The weight of each class: loss.weights if given, else by loss.class_weights.
// For a class of n training beats "inverse" is total / (classes * n), "sqrt_inverse" is its square root.
// Empty for "none". Throws Error on a class without training beats.
std::vector<float> class_weights(const Recipe& recipe, const BeatDataset& train);

// The loss, shape (1), recorded on the tape of the pass.
// With loss.kind "bce" weights apply to positive cells only.
Var objective(layers::Pass& pass, const Recipe& recipe,
              const Var& logits,       // (N, classes)
              const Tensor& targets,   // (N) i32 labels for "cross_entropy", else (N, classes), 0 or 1
              const Tensor& weights);  // (classes), or undefined

// The offsets that are added to the logits before a class is decided (decision.prior_power): (classes).
std::vector<float> decision_offsets(const Recipe& recipe, const BeatDataset& train);

}  // namespace sec::train
