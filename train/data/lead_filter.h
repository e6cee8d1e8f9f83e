// What happens to a lead before beats are cut out of it: invalid samples are held, the rate becomes the
// recipe's, baseline wander is removed. Sample by sample, for training and inference alike.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "io/signal/filters.h"
#include "io/signal/resample.h"
#include "train/recipe/recipe.h"

namespace sec::train {

class LeadFilter {
 public:
  // For samples of `source_rate` Hz. Throws Error on rates without a simple ratio to the recipe's.
  LeadFilter(const Recipe::Data& options, double source_rate);

  // Append the samples at the recipe's rate that are known by now, or all that are left. A sample that is not
  // finite counts as the last one that was; before the first of these, as that one, or as 0 where none has
  // come within ten seconds.
  void push(std::span<const float> samples, std::vector<float>& output);
  void finish(std::vector<float>& output);

 private:
  void filter(std::span<const float> samples, std::vector<float>& output);

  std::int64_t longest_wait_;  // samples
  std::int64_t waiting_ = 0;   // samples without a valid one so far
  std::optional<float> held_;
  io::Resampler resampler_;
  std::optional<io::MedianBaseline> baseline_;
  std::optional<io::HighPass> high_pass_;
  std::vector<float> valid_;
  std::vector<float> resampled_;
};

}  // namespace sec::train
