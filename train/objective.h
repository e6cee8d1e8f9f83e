// The loss of a training batch, as the recipe has it.
#pragma once

#include <vector>

#include "layers/pass.h"
#include "train/loader.h"

namespace sec::train {

// One weight a class from the number of training beats of each: loss.weights, or by loss.class_weights
// "inverse": total / (classes * n), "sqrt_inverse": its square root; empty for "none". Throws Error on a
// class without beats.
std::vector<float> class_weights(const Recipe& recipe, const Inputs& train);

// The loss, shape (1), recorded on the pass's tape. `weights` is (classes) or undefined; with loss.kind "bce"
// it weighs positive cells.
Var objective(layers::Pass& pass, const Recipe& recipe,
              const Var& logits,  // (N, classes)
              const Batch& batch, const Tensor& weights);

// What is added to each class's logit before the class is decided (decision.prior_power).
std::vector<float> decision_offsets(const Recipe& recipe, const Inputs& train);

}  // namespace sec::train
