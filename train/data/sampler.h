// The sampler: chooses the beats of each epoch and their order.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "train/recipe/recipe.h"

namespace sec::train {

// The properties of a training beat that the sampler uses.
struct SampledExample {
  int label = 0;     // index of its class
  int record = 0;    // index of its record
  int pool = 0;      // database, where databases have shares of the draw
  double share = 1;  // of the pool
};

// Indices into `beats` for one epoch: a pure function of its arguments. By sampler.kind:
//   "shuffle"   every beat once, in random order. With majority_cap, only the first majority_cap beats of
//               each class in that order, so the choice differs between epochs.
//   "weighted"  epoch_samples draws with replacement. A class of n beats is drawn in proportion to
//               n^class_power; within it, a record of m beats in proportion to m^record_power.
//               Powers of 1 draw all beats equally often, powers of 0 all classes and all records of a class.
//               Several pools divide the draws of each class in proportion to their shares; records are then
//               weighted within their pool.
std::vector<std::int64_t> epoch_order(const Recipe::Sampler& options, std::span<const SampledExample> beats,
                                      std::uint64_t seed, std::int64_t epoch);

// The expected share of each of `classes` classes in an epoch.
std::vector<double> drawn_shares(const Recipe::Sampler& options, std::span<const SampledExample> beats,
                                 std::size_t classes);

// The number of indices that epoch_order() returns.
std::int64_t epoch_size(const Recipe::Sampler& options, std::span<const SampledExample> beats);

}  // namespace sec::train
