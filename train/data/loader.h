// Training batches, made ahead of time on other threads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "train/data/dataset.h"
#include "train/data/sampler.h"

namespace sec::train {

// A batch on the host.
struct Batch {
  std::int64_t epoch = 0;  // counts from 0
  std::int64_t step = 0;   // of the whole run, from 0
  std::vector<ExampleId> beats;
  std::vector<std::int32_t> index;   // (N) of the beats among all that have a label, in a training run
  std::vector<float> x;              // (N, L, H, 1)
  std::vector<float> covariates;     // (N, K)
  std::vector<std::int32_t> labels;  // (N)
  std::vector<float> targets;        // (N, classes), where examples can be of several classes; else empty
};

// The beats that have a label, as the sampler sees them.
std::vector<SampledExample> sampled_examples(const Dataset& examples);

// The batch of unaugmented beats, labels as they are (-1: none).
Batch make_batch(const Dataset& examples, std::vector<ExampleId> beats);

// (N, classes): 1 in the label's column, 0 elsewhere.
std::vector<float> one_hot(std::span<const std::int32_t> labels, std::int64_t classes);

// That of a step of training: augmented.
Batch training_batch(const Dataset& examples, const Recipe& recipe, std::uint64_t seed, std::int64_t step,
                     std::vector<ExampleId> beats);

// The batches of a training run from step `first_step` on, in order. An epoch's beats are cut into batches of
// train.batch; what is left over waits for another epoch's order. The batches are a pure function of
// examples, recipe and seed: neither the number of loader threads nor a resumed run changes a bit.
class Loader {
 public:
  // `examples` must outlive the loader. Its threads make enough batches ahead that `at_once` of them can be
  // taken one after the other without waiting. With train.loader_threads of 0, next() makes its batch itself.
  // With `only_index` it leaves x, covariates, labels and targets to a device that has the examples. Throws
  // Error if no beat has a label.
  Loader(const Dataset& examples, const Recipe& recipe, std::uint64_t seed, std::int64_t first_step,
         std::int64_t at_once = 1, bool only_index = false);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  std::int64_t epoch_steps() const;
  // Rethrows what went wrong on a loader thread.
  Batch next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sec::train
