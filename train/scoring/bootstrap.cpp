#include "train/scoring/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "train/data/quantile.h"

namespace sec::train {
namespace {

// The beats sorted by their score for one class. A resample changes only how often each beat counts.
struct Ranking {
  std::vector<std::int32_t> order;
  std::vector<bool> tied;  // whether the score equals that of the beat before it in `order`
};

Ranking ranking_of(std::span<const float> probabilities, std::size_t beats, std::size_t classes,
                   std::size_t c) {
  Ranking ranking;
  ranking.order.resize(beats);
  std::iota(ranking.order.begin(), ranking.order.end(), 0);
  const auto score = [&](std::int32_t i) { return probabilities[static_cast<std::size_t>(i) * classes + c]; };
  std::ranges::stable_sort(ranking.order, {}, score);
  for (std::size_t i = 0; i < beats; ++i) {
    ranking.tied.push_back(i > 0 && score(ranking.order[i]) == score(ranking.order[i - 1]));
  }
  return ranking;
}

// `is(i)` tells whether example i has the class.
template <typename Is>
double weighted_auc(const Ranking& ranking, std::span<const std::int32_t> groups,
                    std::span<const std::int64_t> times, Is is) {
  double below = 0, won = 0, positives = 0;
  for (std::size_t i = 0; i < ranking.order.size();) {
    double ties_positive = 0, ties_negative = 0;
    do {
      const auto beat = static_cast<std::size_t>(ranking.order[i]);
      const auto weight = static_cast<double>(times[static_cast<std::size_t>(groups[beat])]);
      (is(beat) ? ties_positive : ties_negative) += weight;
      ++i;
    } while (i < ranking.order.size() && ranking.tied[i]);
    won += ties_positive * (below + ties_negative / 2);
    below += ties_negative;
    positives += ties_positive;
  }
  return won / (positives * below);  // NaN without positives or without negatives
}

Range95 percentiles(std::vector<double> values) {
  const std::size_t all = values.size();
  std::erase_if(values, [](double v) { return std::isnan(v); });
  if (values.empty() || 2 * values.size() < all) {
    return {std::nan(""), std::nan("")};
  }
  std::ranges::sort(values);
  return {quantile(values, 0.025), quantile(values, 0.975)};
}

// Draws `patients` times with replacement, and counts how often each patient is drawn.
std::vector<std::int64_t> draw_patients(std::size_t patients, std::mt19937_64& random) {
  std::vector<std::int64_t> times(patients);
  for (std::size_t i = 0; i < patients; ++i) {
    ++times[random() % patients];
  }
  return times;
}

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
