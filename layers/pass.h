// The context of a forward pass, which every layer receives: stream, tape, mode and random keys.
#pragma once

#include "engine/autograd.h"
#include "engine/philox.h"

namespace sec::layers {

struct Pass {
  Stream stream;
  Tape* tape = nullptr;   // null: nothing is recorded or saved
  bool training = false;  // true: batch statistics, dropout; false: running statistics, no dropout
  std::uint64_t seed = 0;
  std::uint32_t step = 0;            // the training step
  std::uint32_t next_operation = 0;  // index of the next consumer of random numbers

  // Whether to run fused operations where the device supports them. If false, every layer is one operation.
  bool fused = true;

  // The element type of activations. Weights are always f32.
  DType activations = DType::f32;

  const std::uint32_t* step_at = nullptr;  // if not null, `step` is read from here: see RandomKey::step_at

  RandomKey next_key() { return {seed, step, next_operation++, step_at}; }
};

}  // namespace sec::layers
