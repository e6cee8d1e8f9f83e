// A training batch out of examples that lie in device memory, each changed at random on the way, by the
// numbers and in the order of train/data/augment.h. Only cuda and simt have it: on cpu examples are made
// where they are used.
#pragma once

#include "engine/tensor.h"
#include "kernels/augmentation.h"

namespace sec::kernels {

struct GatherShape {
  std::int64_t n;           // examples of the batch
  std::int64_t examples;    // to choose from
  std::int64_t windows;     // of an example, one after the other in time
  std::int64_t length;      // samples of a window: L = windows * length
  std::int64_t channels;    // H
  std::int64_t covariates;  // K, or 0
  std::int64_t answers;     // labels or targets of an example, of 32 bits each
};

struct GatherChannel {
  std::int32_t lead = 0;       // the channels of one lead get the same scale and offset; -1: a rhythm strip,
  std::int32_t stretches = 0;  // of so many values, which get covariate noise and nothing else
};

struct GatherKernels {
  // Example n of the batch is example index[n], which must lie in [0, examples). The numbers of its changes
  // are those of `key`'s seed and step, its `operation` is not read.
  void (*examples)(Stream& stream, const GatherShape& shape, const Augmentation& changes,
                   const RandomKey& key,
                   ConstSpan index,           // (N) i32
                   ConstSpan channels,        // (H, 2) i32: a GatherChannel each
                   ConstSpan all_x,           // (examples, L, H) f32
                   ConstSpan all_covariates,  // (examples, K) f32, or empty
                   ConstSpan all_answers,     // (examples, answers) f32 or i32
                   Span x,                    // (N, L, H) f32
                   Span covariates,           // (N, K) f32, or empty
                   Span answers);             // (N, answers), of the type of all_answers
};

}  // namespace sec::kernels
