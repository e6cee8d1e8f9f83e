// The loss of a training batch, as the recipe has it.
#pragma once

#include <span>
#include <vector>

#include "layers/pass.h"
#include "train/data/beat_dataset.h"
#include "train/data/loader.h"

namespace sec::train {

// One weight a class from the number of training beats of each: loss.weights, or by loss.class_weights
// "inverse": total / (classes * n), "sqrt_inverse": its square root; empty for "none". Throws Error on a
// class without beats.
std::vector<float> class_weights(const Recipe& recipe, const BeatDataset& train);

// The loss, shape (1), recorded on the pass's tape. With loss.kind "bce" the weights are of positive cells.
Var objective(layers::Pass& pass, const Recipe& recipe,
              const Var& logits,       // (N, classes)
              const Tensor& targets,   // (N) i32 labels for "cross_entropy", else (N, classes): one_hot
              const Tensor& weights);  // (classes), or undefined

// What is added to each class's logit before the class is decided (decision.prior_power).
std::vector<float> decision_offsets(const Recipe& recipe, const BeatDataset& train);

}  // namespace sec::train
