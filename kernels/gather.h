// Gathers a training batch from examples in device memory and augments each example on the way.
// Random numbers and the order of changes are those of train/data/augment.h.
// Only cuda and simt have this kernel: on cpu the loader itself makes the augmented examples.
#pragma once

#include "engine/tensor.h"
#include "kernels/augmentation.h"

namespace sec::kernels {

struct GatherShape {
  std::int64_t n;         // examples in the batch
  std::int64_t examples;  // examples in device memory
  std::int64_t stored;    // samples of an example in device memory: L, or more, of which a crop of L is drawn
  std::int64_t windows;   // consecutive windows in time of each example
  std::int64_t length;    // samples per window: L = windows * length
  std::int64_t channels;  // H, channels of an example
  std::int64_t covariates;  // K, covariates of an example; may be 0
  std::int64_t answers;     // labels or targets per example, 32 bits each
};

struct GatherChannel {
  std::int32_t lead = 0;       // channels of the same lead get the same scale and offset; -1: a rhythm strip
  std::int32_t stretches = 0;  // values in the rhythm strip, which get covariate noise and no other change
};

struct GatherKernels {
  // Example n of the batch is example index[n], which must be in [0, examples).
  // Random numbers use the seed and the step of `key`; its `operation` is ignored.
  void (*examples)(Stream& stream, const GatherShape& shape, const Augmentation& changes,
                   const RandomKey& key,
                   ConstSpan index,           // (N) i32
                   ConstSpan channels,        // (H, 2) i32: one GatherChannel per row
                   ConstSpan all_x,           // (examples, stored, H) f32
                   ConstSpan all_covariates,  // (examples, K) f32, or empty
                   ConstSpan all_answers,     // (examples, answers) f32 or i32
                   Span x,                    // (N, L, H) f32
                   Span covariates,           // (N, K) f32, or empty
                   Span answers);             // (N, answers), same type as all_answers
};

}  // namespace sec::kernels
