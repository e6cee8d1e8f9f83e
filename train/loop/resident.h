// The examples to train on in device memory, uploaded once: a step then uploads the indices of its batch, and
// a kernel gathers and augments it there (kernels/gather.h), to what the loader would have made. For devices
// that take less time for a step than the host for a batch.
#pragma once

#include <string>

#include "kernels/optimizer.h"
#include "train/data/dataset.h"

namespace sec::train {

class ResidentDataset {
 public:
  // All of examples.labelled(), in that order, unaugmented. Throws Error if the device's table cannot gather.
  ResidentDataset(const Dataset& examples, const Recipe& recipe, Stream& stream);

  struct Gathered {
    Tensor x;           // (N, L, H, 1)
    Tensor covariates;  // (N, K), or undefined
    Tensor targets;     // (N) i32 or (N, classes): what the loss asks for
  };
  // Batch index (N) of training step now->step, augmented. `now` lies on the device. Can be recorded.
  Gathered gather(Stream& stream, const Tensor& index, const kernels::StepValues* now) const;

  std::int64_t size() const { return x_.extent(0); }

 private:
  Recipe::Augment options_;
  std::uint64_t seed_;
  ExampleLayout layout_;
  Tensor channels_;    // (H, 2) i32
  Tensor x_;           // (examples, L, H)
  Tensor covariates_;  // (examples, K), or undefined
  Tensor targets_;     // (examples) i32 or (examples, classes)
};

// Bytes of device memory that they take.
std::int64_t resident_bytes(const Dataset& examples, const Recipe& recipe);

// Empty if the examples fit into half of the memory that the device has left now, so that the network has the
// rest; else one line.
std::string why_not_resident(const Dataset& examples, const Recipe& recipe, Device device);

}  // namespace sec::train
