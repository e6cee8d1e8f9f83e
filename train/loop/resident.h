// Training examples in device memory, uploaded once. A step then uploads only the indices of its batch,
// and a kernel gathers and augments the batch (kernels/gather.h) as the loader would on the host.
// This helps on devices that compute a step faster than the host prepares a batch.
#pragma once

#include <string>

#include "kernels/optimizer.h"
#include "train/data/dataset.h"

namespace sec::train {

class ResidentDataset {
 public:
  // Uploads all of examples.labelled(), in that order, without augmentation.
  // Throws Error if the device has no kernel that gathers examples.
  ResidentDataset(const Dataset& examples, const Recipe& recipe, Stream& stream);

  struct Gathered {
    Tensor x;           // (N, L, H, 1)
    Tensor covariates;  // (N, K), or undefined
    Tensor targets;     // (N) i32 labels, or (N, classes), as the loss needs them
  };
  // Gathers the examples with indices `index` (N), augmented for training step now->step.
  // `now` points to device memory. Can be captured in a graph.
  Gathered gather(Stream& stream, const Tensor& index, const kernels::StepValues* now) const;

  std::int64_t size() const { return x_.extent(0); }

 private:
  Recipe::Augment options_;
  std::uint64_t seed_;
  ExampleLayout layout_;
  std::int64_t length_;  // L
  Tensor channels_;      // (H, 2) i32
  Tensor x_;             // (examples, samples, H): L samples, or more of which a crop of L is drawn
  Tensor covariates_;    // (examples, K), or undefined
  Tensor targets_;       // (examples) i32 or (examples, classes)
};

// The device memory that the examples need, in bytes.
std::int64_t resident_bytes(const Dataset& examples, const Recipe& recipe);

// Empty if the examples fit into half of the device's free memory, which leaves the rest to the network.
// Otherwise one line that says why not.
std::string why_not_resident(const Dataset& examples, const Recipe& recipe, Device device);

}  // namespace sec::train
