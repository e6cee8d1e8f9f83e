// What every layer's forward function is given: where to run, whether to record, and the random numbers'
// coordinates.
#pragma once

#include "engine/autograd.h"
#include "engine/philox.h"

namespace sec::layers {

struct Pass {
  Stream stream;
  Tape* tape = nullptr;   // null: nothing is recorded, nothing is saved
  bool training = false;  // batch statistics and dropout; otherwise running statistics and none
  std::uint64_t seed = 0;
  std::uint32_t step = 0;            // the training step
  std::uint32_t next_operation = 0;  // counts the consumers of random numbers in this pass

  bool fused =
      true;  // several layers as one operation, where the device has it; else each for itself, to look at

  // The type in which a network's layers hand on what they compute. The weights are f32.
  DType activations = DType::f32;

  const std::uint32_t* step_at = nullptr;  // if not null the step's number is read here: RandomKey::step_at

  RandomKey next_key() { return {seed, step, next_operation++, step_at}; }
};

}  // namespace sec::layers
