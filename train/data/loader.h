// Training batches, prepared in advance by loader threads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/pinned.h"
#include "train/data/dataset.h"
#include "train/data/sampler.h"

namespace sec::train {

// A batch on the host.
struct Batch {
  std::int64_t epoch = 0;  // counts from 0
  std::int64_t step = 0;   // step of the whole run, counts from 0
  std::vector<ExampleId> beats;
  // Made in pinned memory, from which a device copies them without staging.
  PinnedVector<std::int32_t> index;   // (N), indices into Dataset::labelled(); only in training batches
  PinnedVector<float> x;              // (N, L, H, 1)
  PinnedVector<float> covariates;     // (N, K)
  PinnedVector<std::int32_t> labels;  // (N)
  PinnedVector<float> targets;        // (N, classes) if examples can have several classes, else empty
};

// The label and record of each labelled example, for the sampler.
std::vector<SampledExample> sampled_examples(const Dataset& examples);

// A batch of unaugmented examples. A label of -1 means no class.
Batch make_batch(const Dataset& examples, std::vector<ExampleId> beats);

// The labels as rows (N, classes): 1 in the label's column, 0 elsewhere.
PinnedVector<float> one_hot(std::span<const std::int32_t> labels, std::int64_t classes);

// The augmented batch of training step `step`.
Batch training_batch(const Dataset& examples, const Recipe& recipe, std::uint64_t seed, std::int64_t step,
                     std::vector<ExampleId> beats);

// The number of batches in an epoch, at least 1. Throws Error if no example is labelled.
std::int64_t count_epoch_steps(const Dataset& examples, const Recipe& recipe);

// The batches of a training run from step `first_step` on, in order.
// The beats of an epoch are cut into batches of train.batch;
// beats left over at the end of an epoch are skipped.
// Batches depend on examples, recipe and seed, not on the number of loader threads or interruptions.
class Loader {
 public:
  // `examples` must outlive the loader. Its threads prepare enough batches for `at_once` calls of next().
  // With train.loader_threads = 0, next() prepares its batch in the calling thread.
  // With `only_index`, batches hold only the index; a device that stores the examples gathers the rest.
  // Throws Error if no example is labelled.
  Loader(const Dataset& examples, const Recipe& recipe, std::uint64_t seed, std::int64_t first_step,
         std::int64_t at_once = 1, bool only_index = false);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  std::int64_t epoch_steps() const;
  // Returns the next batch. Rethrows the exception of a loader thread.
  Batch next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sec::train
