// Losses: recorded operations from logits to a scalar of shape (1), from which Tape::backward starts.
#pragma once

#include "layers/pass.h"

namespace sec::layers {

// One label per sample; with class weights v and label smoothing, as PyTorch's cross_entropy: a mean weighted
// by the samples' class weights. Throws Error on other shapes, and unless 0 <= smoothing <= 1. Labels outside
// [0, classes) are found by the kernel where it runs on the host.
Var softmax_cross_entropy(Pass& pass, float smoothing,
                          const Var& logits,             // (N, classes)
                          const Tensor& labels,          // (N) i32
                          const Tensor& class_weights);  // (classes), or undefined: all 1

// Independent yes/no questions: the mean over all cells. Throws Error on other shapes.
Var bce_with_logits(Pass& pass,
                    const Var& logits,                // (N, classes)
                    const Tensor& targets,            // (N, classes), in [0, 1]
                    const Tensor& positive_weights);  // (classes), or undefined: all 1

// Focal loss on sigmoids (Lin et al. 2017), summed over all cells. Throws Error on other shapes, and unless
// 0 <= alpha <= 1 and gamma >= 0.
Var focal_loss(Pass& pass, float alpha, float gamma,
               const Var& logits,       // (N, classes)
               const Tensor& targets);  // (N, classes), 0 or 1

}  // namespace sec::layers
