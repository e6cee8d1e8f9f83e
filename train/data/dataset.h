// The interface of datasets. A dataset holds the examples of one split:
// heartbeats (beat_dataset.h) or whole recordings (recording_dataset.h).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kernels/gather.h"
#include "train/recipe/recipe.h"

namespace sec::train {

// Identifies an example: indices into the records of a dataset and into the record's beats.
// In a dataset of whole recordings `beat` is the first sample of the crop, and 0 if recordings are not cropped.
struct ExampleId {
  std::int32_t record = 0;
  std::int32_t beat = 0;
};

// The database from which an example is drawn, where the recipe gives databases shares of the draw.
struct DrawPool {
  int index = 0;     // examples of one pool have the same index
  double share = 1;  // of the draws of each class, relative to the shares of the other pools

  friend bool operator==(const DrawPool&, const DrawPool&) = default;
};

// The structure of an example as augment() sees it, for the kernel that augments on a device.
struct ExampleLayout {
  std::int64_t windows = 1;                      // windows of an example, concatenated in time
  double rate = 0;                               // sampling rate in Hz
  std::vector<kernels::GatherChannel> channels;  // (H)
  bool any_lead_drops = false;                   // whether any lead can be dropped, or only the second
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

  // The examples with labels, in a fixed order.
  virtual std::vector<ExampleId> labelled() const = 0;
  // The index of an example's class, or -1 if it has none. 0 for examples that have targets.
  virtual int label(ExampleId id) const = 0;
  virtual DrawPool pool(ExampleId) const { return {}; }
  // (classes), 1 for each class of the example, else 0. Empty if every example has exactly one class.
  virtual std::span<const float> targets(ExampleId id) const = 0;

  // Writes the example, without augmentation, into x and covariates.
  virtual void make(ExampleId id,
                    std::span<float> x,                      // (L, H)
                    std::span<float> covariates) const = 0;  // (K)
  // Training draws a part of longer examples, such as a crop of a recording: the part for place `slot` in the batch of
  // training step `step`, a pure function of its arguments. make() writes that part.
  virtual ExampleId drawn(ExampleId id, std::uint64_t /*seed*/, std::int64_t /*step*/,
                          std::int64_t /*slot*/) const {
    return id;
  }
  virtual std::int64_t whole_length() const {
    return length();
  }  // samples of an example from which parts are drawn
  virtual void make_whole(ExampleId id,
                          std::span<float> x,  // (whole_length, H)
                          std::span<float> covariates) const {
    make(id, x, covariates);
  }
  // Augments an example in place by the recipe's [augment] section: a pure function of its arguments.
  // `slot` is the example's place in the batch of training step `step`.
  virtual void augment(const Recipe& recipe, std::uint64_t seed, std::int64_t step, std::int64_t slot,
                       std::span<float> x,                      // (L, H)
                       std::span<float> covariates) const = 0;  // (K)
  virtual ExampleLayout layout(const Recipe& recipe) const = 0;

  // The examples as text for messages, such as "203 (samples 1201, 1560), 207 (sample 88)".
  virtual std::string text(std::span<const ExampleId> ids) const = 0;
};

}  // namespace sec::train
