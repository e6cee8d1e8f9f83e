// Losses: recorded operations from logits to a scalar of shape (1), the root of Tape::backward.
#pragma once

#include "layers/pass.h"

namespace sec::layers {

// Cross entropy with one label per sample, class weights and label smoothing, as PyTorch's cross_entropy:
// the mean over samples is weighted by the class weights of their labels.
// Throws Error on other shapes, unless 0 <= smoothing <= 1, and on cpu also on labels outside [0, classes).
Var softmax_cross_entropy(Pass& pass, float smoothing,
                          const Var& logits,             // (N, classes)
                          const Tensor& labels,          // (N) i32
                          const Tensor& class_weights);  // (classes); undefined means all 1

// Binary cross entropy of independent yes/no classes: the mean over all N x classes elements.
// Throws Error on other shapes.
Var bce_with_logits(Pass& pass,
                    const Var& logits,                // (N, classes)
                    const Tensor& targets,            // (N, classes), in [0, 1]
                    const Tensor& positive_weights);  // (classes); undefined means all 1

// Focal loss on sigmoids (Lin et al. 2017), summed over all N x classes elements.
// Throws Error on other shapes and unless 0 <= alpha <= 1 and gamma >= 0.
Var focal_loss(Pass& pass, float alpha, float gamma,
               const Var& logits,       // (N, classes)
               const Tensor& targets);  // (N, classes), 0 or 1

}  // namespace sec::layers
