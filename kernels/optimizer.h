// Optimizer steps over flat buffers: all parameters of a network in one call.
#pragma once

#include "engine/tensor.h"

namespace sec::kernels {

struct AdamOptions {
  float rate = 1e-3F;
  float beta1 = 0.9F;
  float beta2 = 0.999F;
  float epsilon = 1e-8F;
  float weight_decay = 0;
  bool decoupled = false;    // AdamW (Loshchilov & Hutter 2019); otherwise decay is added to the gradient
  float gradient_scale = 1;  // multiplies the gradient first: clipping without a pass of its own
  std::int64_t step = 1;     // counts from 1: corrects the bias of the moments
};

struct SgdOptions {
  float rate = 1e-2F;
  float momentum = 0;
  float weight_decay = 0;
  bool nesterov = false;
  float gradient_scale = 1;
};

struct OptimizerKernels {
  void (*adam)(Stream& stream, const AdamOptions& options,
               ConstSpan gradient,   // (P) f32
               Span parameters,      // (P) f32
               Span first_moment,    // (P) f32
               Span second_moment);  // (P) f32

  // velocity = momentum * velocity + gradient, as PyTorch's SGD without dampening.
  void (*sgd)(Stream& stream, const SgdOptions& options,
              ConstSpan gradient,  // (P) f32
              Span parameters,     // (P) f32
              Span velocity);      // (P) f32

  // average = decay * average + (1 - decay) * parameters: the weights that are scored when averaging is on.
  void (*moving_average)(Stream& stream, float decay,
                         ConstSpan parameters,  // (P) f32
                         Span average);         // (P) f32

  // The sum of squares in fixed order, for clipping by norm; not finite if any element is not.
  void (*sum_of_squares)(Stream& stream,
                         ConstSpan x,  // (P) f32
                         Span sum);    // (1) f32
};

}  // namespace sec::kernels
