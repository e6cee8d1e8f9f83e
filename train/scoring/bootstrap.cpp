#include "train/scoring/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "train/scoring/resampling.h"

namespace sec::train {
namespace {

// `is(i, c)` tells whether example i has class c.
template <typename Is>
AucIntervals intervals_of(std::span<const float> probabilities, std::span<const std::int32_t> groups,
                          std::size_t classes, int resamples, std::uint64_t seed, Is is) {
  const std::int32_t patients = groups.empty() ? 0 : std::ranges::max(groups) + 1;
  if (patients < 2) {  // resampling one patient gives that patient again: nothing is known of others
    return {std::vector<Range95>(classes, percentiles({})), percentiles({})};
  }
  std::vector<Ranking> rankings;
  for (std::size_t c = 0; c < classes; ++c) {
    rankings.push_back(ranking_of(probabilities, groups.size(), classes, c));
  }
  std::vector<std::vector<double>> values(classes);
  std::vector<double> macro;
  std::mt19937_64 random(seed);
  for (int r = 0; r < resamples; ++r) {
    const std::vector<std::int64_t> times = draw_patients(static_cast<std::size_t>(patients), random);
    double sum = 0;
    int defined = 0;
    for (std::size_t c = 0; c < classes; ++c) {
      const double auc = weighted_auc(rankings[c], groups, times, [&](std::size_t i) { return is(i, c); });
      values[c].push_back(auc);
      sum += std::isnan(auc) ? 0 : auc;
      defined += std::isnan(auc) ? 0 : 1;
    }
    macro.push_back(sum / defined);
  }
  AucIntervals result;
  for (std::vector<double>& list : values) {
    result.classes.push_back(percentiles(std::move(list)));
  }
  result.macro = percentiles(std::move(macro));
  return result;
}

}  // namespace

AucIntervals bootstrap_auc(std::span<const float> probabilities, std::span<const std::int32_t> labels,
                           std::span<const std::int32_t> groups, std::size_t classes, int resamples,
                           std::uint64_t seed) {
  return intervals_of(probabilities, groups, classes, resamples, seed, [&](std::size_t i, std::size_t c) {
    return labels[i] == static_cast<std::int32_t>(c);
  });
}

AucIntervals bootstrap_multi_label_auc(std::span<const float> probabilities, std::span<const float> targets,
                                       std::span<const std::int32_t> groups, std::size_t classes,
                                       int resamples, std::uint64_t seed) {
  return intervals_of(probabilities, groups, classes, resamples, seed,
                      [&](std::size_t i, std::size_t c) { return targets[i * classes + c] > 0; });
}

F1Intervals bootstrap_f1(std::span<const Confusion> patients, int classes, int resamples,
                         std::uint64_t seed) {
  F1Intervals result;
  if (patients.size() < 2) {  // as above
    result.classes.assign(static_cast<std::size_t>(classes), percentiles({}));
    result.macro = percentiles({});
    return result;
  }
  std::vector<std::vector<double>> values(static_cast<std::size_t>(classes));
  std::vector<double> macro;
  std::mt19937_64 random(seed);
  for (int r = 0; r < resamples; ++r) {
    const std::vector<std::int64_t> times = draw_patients(patients.size(), random);
    Confusion sum(patients.front().classes());
    for (std::size_t i = 0; i < patients.size(); ++i) {
      for (int truth = 0; truth < sum.size(); ++truth) {
        for (int predicted = 0; predicted < sum.size(); ++predicted) {
          sum.add(truth, predicted, times[i] * patients[i].at(truth, predicted));
        }
      }
    }
    const Scores scores = score_first_classes(sum, classes);
    for (std::size_t c = 0; c < values.size(); ++c) {
      values[c].push_back(scores.classes[c].f1);
    }
    macro.push_back(scores.macro_f1);
  }
  for (std::vector<double>& list : values) {
    result.classes.push_back(percentiles(std::move(list)));
  }
  result.macro = percentiles(std::move(macro));
  return result;
}

}  // namespace sec::train
