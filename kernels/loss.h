// Losses on logits. Each kernel computes the loss and its gradient in one pass, without overflow:
// log-sum-exp subtracts the maximum, and log(sigmoid(x)) = min(x, 0) - log1p(exp(-|x|)).
// A label or target out of range throws Error on the cpu device; on the other devices the loss becomes NaN.
#pragma once

#include "engine/tensor.h"

namespace sec::kernels {

struct LossShape {
  std::int64_t n;  // samples
  std::int64_t classes;
};

struct LossKernels {
  // One label per sample. With class weights v and label smoothing s, as in PyTorch's cross_entropy:
  //   loss = sum_n [ (1 - s) v[y_n] (-log p_n[y_n]) + s / classes * sum_c v[c] (-log p_n[c]) ] / sum_n v[y_n]
  void (*softmax_cross_entropy)(Stream& stream, const LossShape& shape, float smoothing,
                                ConstSpan logits,         // (N, classes)
                                ConstSpan labels,         // (N) i32, in [0, classes)
                                ConstSpan class_weights,  // (classes) f32, or empty: all 1
                                Span loss,                // (1) f32
                                Span glogits);            // (N, classes)

  // Multi-label classification: the mean binary cross entropy over all N * classes cells.
  // positive_weights[c] multiplies the loss of the positive cells of class c.
  void (*bce_with_logits)(Stream& stream, const LossShape& shape,
                          ConstSpan logits,            // (N, classes)
                          ConstSpan targets,           // (N, classes) f32 in [0, 1]
                          ConstSpan positive_weights,  // (classes) f32, or empty: all 1
                          Span loss,                   // (1) f32
                          Span glogits);               // (N, classes)

  // Focal loss on sigmoids (Lin et al. 2017), summed over all cells:
  //   -alpha (1 - p)^gamma log p          if the target is 1,
  //   -(1 - alpha) p^gamma log(1 - p)     if the target is 0.
  void (*focal)(Stream& stream, const LossShape& shape, float alpha, float gamma,
                ConstSpan logits,   // (N, classes)
                ConstSpan targets,  // (N, classes) f32, 0 or 1
                Span loss,          // (1) f32
                Span glogits);      // (N, classes)
};

}  // namespace sec::kernels
