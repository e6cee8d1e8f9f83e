#include "train/scoring/auc.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/error.h"

namespace sec::train {
namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

std::int64_t twice_pairs_won(Stream& stream, const std::vector<float>& positives,
                             std::vector<float> negatives) {
  if (stream.device == Device::cuda) {
    return cuda::twice_pairs_won(stream, positives, negatives);
  }
  std::sort(negatives.begin(), negatives.end());
  std::int64_t sum = 0;
  for (const float score : positives) {
    const auto [first, last] = std::equal_range(negatives.begin(), negatives.end(), score);
    sum += (first - negatives.begin()) + (last - negatives.begin());
  }
  return sum;
}

// `is(i, c)` tells whether example i has class c.
template <typename Is>
Auc auc_of(Stream& stream, std::span<const float> probabilities, std::size_t examples, std::size_t classes,
           Is is) {
  Auc result;
  double sum = 0;
  int defined = 0;
  for (std::size_t c = 0; c < classes; ++c) {
    std::vector<float> positives;
    std::vector<float> negatives;
    for (std::size_t i = 0; i < examples; ++i) {
      const float score = probabilities[i * classes + c];
      require(!std::isnan(score), "AUC: the probability of example {}, class {} is not a number", i, c);
      (is(i, c) ? positives : negatives).push_back(score);
    }
    const double pairs = static_cast<double>(positives.size()) * static_cast<double>(negatives.size());
    if (pairs == 0) {
      result.classes.push_back(undefined);
      continue;
    }
    result.classes.push_back(static_cast<double>(twice_pairs_won(stream, positives, std::move(negatives))) /
                             (2 * pairs));
    sum += result.classes.back();
    ++defined;
  }
  result.macro = defined > 0 ? sum / defined : undefined;
  return result;
}

}  // namespace

Auc one_vs_rest_auc(Stream& stream, std::span<const float> probabilities,
                    std::span<const std::int32_t> labels, std::size_t classes) {
  require(classes > 0 && probabilities.size() == labels.size() * classes,
          "AUC: expected {} probabilities for {} beats and {} classes, got {}", labels.size() * classes,
          labels.size(), classes, probabilities.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    require(labels[i] >= -1 && labels[i] < static_cast<std::int32_t>(classes),
            "AUC: label {} of beat {} is not one of {} classes", labels[i], i, classes);
  }
  return auc_of(stream, probabilities, labels.size(), classes,
                [&](std::size_t i, std::size_t c) { return labels[i] == static_cast<std::int32_t>(c); });
}

Auc multi_label_auc(Stream& stream, std::span<const float> probabilities, std::span<const float> targets,
                    std::size_t classes) {
  require(classes > 0 && probabilities.size() == targets.size() && targets.size() % classes == 0,
          "AUC: {} probabilities and {} targets of {} classes", probabilities.size(), targets.size(),
          classes);
  return auc_of(stream, probabilities, targets.size() / classes, classes,
                [&](std::size_t i, std::size_t c) { return targets[i * classes + c] > 0; });
}

}  // namespace sec::train
