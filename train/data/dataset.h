// What a network is trained on and asked about, one example at a time: heartbeats (inputs.h) or whole
// recordings (recordings.h).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kernels/gather.h"
#include "train/recipe/recipe.h"

namespace sec::train {

// Which example: indices into the records of a data set and into their beats; of a whole recording, beat 0.
struct ExampleId {
  std::int32_t record = 0;
  std::int32_t beat = 0;
};

// How augment() takes an example apart, for devices that do the same.
struct ExampleLayout {
  std::int64_t windows = 1;                      // of an example, one after the other in time
  double rate = 0;                               // samples a second
  std::vector<kernels::GatherChannel> channels;  // (H)
  bool any_lead_drops = false;                   // otherwise the second lead alone
};

class Dataset {
 public:
  Dataset() = default;
  Dataset(const Dataset&) = default;
  Dataset(Dataset&&) = default;
  Dataset& operator=(const Dataset&) = default;
  Dataset& operator=(Dataset&&) = default;
  virtual ~Dataset() = default;

  virtual std::int64_t length() const = 0;      // L
  virtual std::int64_t leads() const = 0;       // H
  virtual std::int64_t covariates() const = 0;  // K

  // Those to train on or to choose with, in a fixed order.
  virtual std::vector<ExampleId> labelled() const = 0;
  // The index of the one class an example is of; -1: none. 0 for examples that have targets.
  virtual int label(ExampleId id) const = 0;
  // (classes), 1 where the example is of the class, else 0; empty where examples are of one class each.
  virtual std::span<const float> targets(ExampleId id) const = 0;

  virtual void make(ExampleId id,
                    std::span<float> x,                      // (L, H)
                    std::span<float> covariates) const = 0;  // (K)
  // Changes an example as the recipe's augment has it: a pure function of its arguments. `slot` is the
  // example's place in the batch of training step `step`.
  virtual void augment(const Recipe& recipe, std::uint64_t seed, std::int64_t step, std::int64_t slot,
                       std::span<float> x,                      // (L, H)
                       std::span<float> covariates) const = 0;  // (K)
  virtual ExampleLayout layout(const Recipe& recipe) const = 0;

  // "203 (samples 1201, 1560), 207 (sample 88)", for messages.
  virtual std::string text(std::span<const ExampleId> ids) const = 0;
};

}  // namespace sec::train
