// What the bootstraps share: draws of patients, and scores of a resample. A resample changes only how often each patient
// counts, so examples are sorted once.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "train/scoring/bootstrap.h"

namespace sec::train {

// The examples sorted by their score for one class.
struct Ranking {
  std::vector<std::int32_t> order;
  std::vector<bool> tied;  // whether the score equals that of the example before it in `order`
};

// `probabilities` is (examples, classes), c the class.
Ranking ranking_of(std::span<const float> probabilities, std::size_t examples, std::size_t classes,
                   std::size_t c);

// The area under the ROC curve where the examples of group g count times[g] times. `is(i)` tells whether example i has
// the class. NaN without positives or without negatives.
template <typename Is>
double weighted_auc(const Ranking& ranking, std::span<const std::int32_t> groups,
                    std::span<const std::int64_t> times, Is is) {
  double below = 0, won = 0, positives = 0;
  for (std::size_t i = 0; i < ranking.order.size();) {
    double ties_positive = 0, ties_negative = 0;
    do {
      const auto example = static_cast<std::size_t>(ranking.order[i]);
      const auto weight = static_cast<double>(times[static_cast<std::size_t>(groups[example])]);
      (is(example) ? ties_positive : ties_negative) += weight;
      ++i;
    } while (i < ranking.order.size() && ranking.tied[i]);
    won += ties_positive * (below + ties_negative / 2);
    below += ties_negative;
    positives += ties_positive;
  }
  return won / (positives * below);
}

// The 2.5 % and 97.5 % quantiles; NaN if fewer than half of the values are defined.
Range95 percentiles(std::vector<double> values);

// Draws `patients` times with replacement, and counts how often each patient is drawn.
std::vector<std::int64_t> draw_patients(std::size_t patients, std::mt19937_64& random);

}  // namespace sec::train
