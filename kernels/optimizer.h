// Optimizer steps over flat buffers: all parameters of a network in one call. Nothing here waits for the
// device: a step of an optimizer can be recorded, and replayed with other values.
#pragma once

#include "engine/tensor.h"

namespace sec::kernels {

// What changes from one training step to the next. Kernels read it from the memory of their device, as a
// recorded step reads its arguments once and for all.
struct StepValues {
  std::uint32_t step = 0;     // counts from 0: for RandomKey::step_at
  float rate = 0;             // the learning rate
  float adam_rate = 0;        // rate / (1 - beta1^(step + 1)): corrects the first moment's bias
  float adam_correction = 0;  // 1 / sqrt(1 - beta2^(step + 1)): the second moment's
  float average_decay = 0;    // of the moving average
};

// Clipping and failing are decided on the device, by the sum of squares of the gradient: where its root
// exceeds clip_norm the gradient is scaled to that norm, and where it is not finite nothing is updated but
// the average.
struct AdamOptions {
  float beta1 = 0.9F;
  float beta2 = 0.999F;
  float epsilon = 1e-8F;
  float weight_decay = 0;
  bool decoupled = false;  // AdamW (Loshchilov & Hutter 2019); otherwise decay is added to the gradient
  float clip_norm = 0;     // 0: no clipping
};

// The values for Adam's step number `step`, which counts from 0; no average. Throws Error if it is negative.
StepValues adam_values(const AdamOptions& options, double rate, std::int64_t step);

struct SgdOptions {
  float momentum = 0;
  float weight_decay = 0;
  bool nesterov = false;
  float clip_norm = 0;  // 0: no clipping
};

// `average` is a moving average of the parameters after the step, as moving_average computes it, which reads
// them again; or empty.
struct OptimizerKernels {
  void (*adam)(Stream& stream, const AdamOptions& options,
               const StepValues* now,     // on the device
               ConstSpan sum_of_squares,  // (1) f32, of the gradient
               ConstSpan gradient,        // (P) f32
               Span parameters,           // (P) f32
               Span first_moment,         // (P) f32
               Span second_moment,        // (P) f32
               Span average);             // (P) f32, or empty

  // velocity = momentum * velocity + gradient, as PyTorch's SGD without dampening.
  void (*sgd)(Stream& stream, const SgdOptions& options,
              const StepValues* now,     // on the device
              ConstSpan sum_of_squares,  // (1) f32, of the gradient
              ConstSpan gradient,        // (P) f32
              Span parameters,           // (P) f32
              Span velocity,             // (P) f32
              Span average);             // (P) f32, or empty

  // average = decay * average + (1 - decay) * parameters: what is scored when averaging is on.
  void (*moving_average)(Stream& stream,
                         const StepValues* now,  // on the device
                         ConstSpan parameters,   // (P) f32
                         Span average);          // (P) f32

  // The sum of squares in fixed order, for clipping by norm; not finite if any element is not.
  void (*sum_of_squares)(Stream& stream,
                         ConstSpan x,  // (P) f32
                         Span sum);    // (1) f32
};

}  // namespace sec::kernels
