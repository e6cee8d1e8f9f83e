// Which beats an epoch trains on, and in which order.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "train/recipe/recipe.h"

namespace sec::train {

// What the sampler knows of a training beat.
struct SampledExample {
  int label = 0;   // index of its class
  int record = 0;  // index of its record
};

// Indices into `beats` for one epoch: a pure function of its arguments. With sampler.kind
//   "shuffle"   every beat once, in random order; with majority_cap only the first so many of each class, a
//               fresh choice each epoch;
//   "weighted"  epoch_samples draws with replacement: a class of n beats gets a share in proportion to
//               n^class_power, and within it a record with m of these beats to m^record_power. Powers of 1
//               draw every beat alike, powers of 0 every class and every record alike.
std::vector<std::int64_t> epoch_order(const Recipe::Sampler& options, std::span<const SampledExample> beats,
                                      std::uint64_t seed, std::int64_t epoch);

// The expected share of each of `classes` classes in an epoch.
std::vector<double> drawn_shares(const Recipe::Sampler& options, std::span<const SampledExample> beats,
                                 std::size_t classes);

// How many indices epoch_order returns.
std::int64_t epoch_size(const Recipe::Sampler& options, std::span<const SampledExample> beats);

}  // namespace sec::train
