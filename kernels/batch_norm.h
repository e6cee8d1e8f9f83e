// Batch normalisation over all positions of each channel (Ioffe & Szegedy 2015).
#pragma once

#include <span>

#include "engine/tensor.h"

namespace sec::kernels {

struct BatchNormShape {
  std::int64_t rows;  // N * L * H positions
  std::int64_t c;     // channels
};

// The operands of one update of running statistics.
// No two updates of a group may share their running statistics.
struct RunningUpdate {
  BatchNormShape shape;
  float momentum;
  ConstSpan mean;         // (C) f32
  ConstSpan variance;     // (C) f32, biased
  Span running_mean;      // (C) f32, updated in place
  Span running_variance;  // (C) f32, updated in place
};

struct BatchNormKernels {
  // Computes the mean and the biased variance of each channel.
  void (*statistics)(Stream& stream, const BatchNormShape& shape,
                     ConstSpan x,     // (rows, C)
                     Span mean,       // (C) f32
                     Span variance);  // (C) f32

  // running = (1 - momentum) * running + momentum * batch.
  // The running variance is updated with the unbiased variance of the batch, as in PyTorch.
  void (*update_running_group)(Stream& stream, std::span<const RunningUpdate> group);

  // y = (x - mean) / sqrt(variance + epsilon) * gamma + beta.
  // `mean` and `variance` are those of the batch or the running ones.
  void (*apply)(Stream& stream, const BatchNormShape& shape, float epsilon,
                ConstSpan x,         // (rows, C)
                ConstSpan mean,      // (C) f32
                ConstSpan variance,  // (C) f32
                ConstSpan gamma,     // (C) f32
                ConstSpan beta,      // (C) f32
                Span y);             // (rows, C)

  // The gradient of `apply` when mean and variance were computed from x itself.
  // Overwrites gx; adds to ggamma and gbeta.
  void (*backward)(Stream& stream, const BatchNormShape& shape, float epsilon,
                   ConstSpan x,         // (rows, C)
                   ConstSpan gy,        // (rows, C)
                   ConstSpan mean,      // (C) f32, of the batch
                   ConstSpan variance,  // (C) f32, of the batch
                   ConstSpan gamma,     // (C) f32
                   Span gx,             // (rows, C)
                   Span ggamma,         // (C) f32
                   Span gbeta);         // (C) f32

  // y = relu(apply(x)) in one pass, and its gradient. Null on devices without fused kernels.
  // Unless `y_mean` is empty, the pass also computes the mean and the biased variance of y.
  void (*apply_relu)(Stream& stream, const BatchNormShape& shape, float epsilon,
                     ConstSpan x,                 // (rows, C)
                     ConstSpan mean,              // (C) f32
                     ConstSpan variance,          // (C) f32
                     ConstSpan gamma,             // (C) f32
                     ConstSpan beta,              // (C) f32
                     Span y,                      // (rows, C)
                     Span y_mean,                 // (C) f32, or empty
                     Span y_variance) = nullptr;  // (C) f32
  void (*backward_relu)(Stream& stream, const BatchNormShape& shape, float epsilon,
                        ConstSpan x,            // (rows, C)
                        ConstSpan gy,           // (rows, C)
                        ConstSpan mean,         // (C) f32, of the batch
                        ConstSpan variance,     // (C) f32, of the batch
                        ConstSpan gamma,        // (C) f32
                        ConstSpan beta,         // (C) f32
                        Span gx,                // (rows, C)
                        Span ggamma,            // (C) f32
                        Span gbeta) = nullptr;  // (C) f32

  // Updates a single layer's running statistics: a group of one.
  void update_running(Stream& stream, const RunningUpdate& one) const {
    update_running_group(stream, {&one, 1});
  }
};

}  // namespace sec::kernels
