#include "train/scoring/resampling.h"

#include <algorithm>
#include <numeric>

#include "train/data/quantile.h"

namespace sec::train {

Ranking ranking_of(std::span<const float> probabilities, std::size_t examples, std::size_t classes,
                   std::size_t c) {
  Ranking ranking;
  ranking.order.resize(examples);
  std::iota(ranking.order.begin(), ranking.order.end(), 0);
  const auto score = [&](std::int32_t i) { return probabilities[static_cast<std::size_t>(i) * classes + c]; };
  std::ranges::stable_sort(ranking.order, {}, score);
  for (std::size_t i = 0; i < examples; ++i) {
    ranking.tied.push_back(i > 0 && score(ranking.order[i]) == score(ranking.order[i - 1]));
  }
  return ranking;
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

std::vector<std::int64_t> draw_patients(std::size_t patients, std::mt19937_64& random) {
  std::vector<std::int64_t> times(patients);
  for (std::size_t i = 0; i < patients; ++i) {
    ++times[random() % patients];
  }
  return times;
}

}  // namespace sec::train
