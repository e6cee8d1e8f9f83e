// Optimizer steps over flat buffers: one call updates all parameters of a network.
// No kernel waits for the device, so a step can be captured in a CUDA graph and replayed with other values.
#pragma once

#include "engine/tensor.h"

namespace sec::kernels {

// The values that change with every training step. Kernels read them from device memory,
// because a captured CUDA graph fixes the arguments of its launches.
struct StepValues {
  std::uint32_t step = 0;     // counts from 0; RandomKey::step_at may point to it
  float rate = 0;             // the learning rate
  float adam_rate = 0;        // rate / (1 - beta1^(step + 1)), corrects the first moment's bias
  float adam_correction = 0;  // 1 / sqrt(1 - beta2^(step + 1)), corrects the second moment's bias
  float average_decay = 0;    // decay of the moving average of the parameters
};

// The optimizers decide on the device, from the gradient's sum of squares, whether to clip or to skip a step.
// A gradient with a norm above clip_norm is scaled to that norm.
// If the norm is not finite, only the moving average is updated.
struct AdamOptions {
  float beta1 = 0.9F;
  float beta2 = 0.999F;
  float epsilon = 1e-8F;
  float weight_decay = 0;
  bool decoupled = false;  // true: AdamW (Loshchilov & Hutter 2019); false: decay is added to the gradient
  float clip_norm = 0;     // 0: no clipping
};

// Returns the values for Adam's step number `step`, counted from 0; average_decay stays 0.
// Throws Error if `step` is negative.
StepValues adam_values(const AdamOptions& options, double rate, std::int64_t step);

struct SgdOptions {
  float momentum = 0;
  float weight_decay = 0;
  bool nesterov = false;
  float clip_norm = 0;  // 0: no clipping
};

// `average` is the moving average of the parameters. Unless it is empty,
// `adam` and `sgd` update it exactly as `moving_average` does, which saves a second pass over the parameters.
struct OptimizerKernels {
  void (*adam)(Stream& stream, const AdamOptions& options,
               const StepValues* now,     // a pointer to device memory
               ConstSpan sum_of_squares,  // (1) f32, of the gradient
               ConstSpan gradient,        // (P) f32
               Span parameters,           // (P) f32
               Span first_moment,         // (P) f32
               Span second_moment,        // (P) f32
               Span average);             // (P) f32, or empty

  // velocity = momentum * velocity + gradient, as in PyTorch's SGD without dampening.
  void (*sgd)(Stream& stream, const SgdOptions& options,
              const StepValues* now,     // a pointer to device memory
              ConstSpan sum_of_squares,  // (1) f32, of the gradient
              ConstSpan gradient,        // (P) f32
              Span parameters,           // (P) f32
              Span velocity,             // (P) f32
              Span average);             // (P) f32, or empty

  // average = decay * average + (1 - decay) * parameters.
  // Evaluation uses the average if averaging is enabled.
  void (*moving_average)(Stream& stream,
                         const StepValues* now,  // a pointer to device memory
                         ConstSpan parameters,   // (P) f32
                         Span average);          // (P) f32

  // Computes the sum of squares in a fixed order, for clipping by norm.
  // The sum is not finite if any element is not finite.
  void (*sum_of_squares)(Stream& stream,
                         ConstSpan x,  // (P) f32
                         Span sum);    // (1) f32
};

}  // namespace sec::kernels
