// Prepares a lead's signal for windows of beats. Replaces invalid samples by the last valid one, resamples
// to the recipe's rate, and removes baseline wander.
// It works sample by sample, in training and inference alike.
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
  // `source_rate` is in Hz. Throws the errors of io::rate_ratio().
  LeadFilter(const Recipe::Data& options, double source_rate);

  // push() appends the output samples, at the recipe's rate, that can be computed so far; finish() the rest.
  // A sample that is not finite is replaced by the last finite one.
  // Samples before the first finite one are replaced by it, or by 0 if none arrives within ten seconds.
  void push(std::span<const float> samples, std::vector<float>& output);
  void finish(std::vector<float>& output);

 private:
  void filter(std::span<const float> samples, std::vector<float>& output);

  std::int64_t longest_wait_;  // in samples
  std::int64_t waiting_ = 0;   // samples received before the first valid one
  std::optional<float> held_;
  io::Resampler resampler_;
  std::optional<io::MedianBaseline> baseline_;
  std::optional<io::HighPass> high_pass_;
  std::vector<float> valid_;
  std::vector<float> resampled_;
};

}  // namespace sec::train
