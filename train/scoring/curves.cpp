#include "train/scoring/curves.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace sec::train {
namespace {

constexpr double apart = 1.0 / 256;

void keep(ThresholdCurve& curve, double false_positive_rate, double sensitivity, double precision,
          bool last) {
  const bool differs = curve.sensitivity.empty() ||
                       std::abs(curve.false_positive_rate.back() - false_positive_rate) >= apart ||
                       std::abs(curve.sensitivity.back() - sensitivity) >= apart ||
                       std::abs(curve.precision.back() - precision) >= apart;
  if (differs || last) {
    curve.false_positive_rate.push_back(false_positive_rate);
    curve.sensitivity.push_back(sensitivity);
    curve.precision.push_back(precision);
  }
}

ThresholdCurve curve_of(const std::string& name, const std::vector<float>& scores,
                        const std::vector<bool>& is) {
  ThresholdCurve curve{.name = name, .false_positive_rate = {}, .sensitivity = {}, .precision = {}};
  curve.positives = std::ranges::count(is, true);
  curve.negatives = std::ssize(is) - curve.positives;
  curve.average_precision = curve.positives > 0 ? 0 : std::nan("");
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::greater<>(), [&](std::size_t i) { return scores[i]; });
  std::int64_t hits = 0;
  std::int64_t hits_before = 0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    hits += is[order[k]] ? 1 : 0;
    const bool last = k + 1 == order.size();
    if (!last && scores[order[k + 1]] == scores[order[k]]) {
      continue;
    }
    const auto above = static_cast<std::int64_t>(k) + 1;
    const double precision = static_cast<double>(hits) / static_cast<double>(above);
    if (curve.positives > 0) {
      curve.average_precision +=
          precision * static_cast<double>(hits - hits_before) / static_cast<double>(curve.positives);
    }
    hits_before = hits;
    if (curve.positives > 0 && curve.negatives > 0) {
      keep(curve, static_cast<double>(above - hits) / static_cast<double>(curve.negatives),
           static_cast<double>(hits) / static_cast<double>(curve.positives), precision, last);
    }
  }
  return curve;
}

}  // namespace

NamedCurves threshold_curves(const std::string& name, const std::vector<std::string>& classes,
                             std::span<const float> scores,
                             const std::function<bool(std::size_t, std::size_t)>& is) {
  NamedCurves curves{name, {}};
  const std::size_t examples = scores.size() / classes.size();
  for (std::size_t c = 0; c < classes.size(); ++c) {
    std::vector<float> own;
    std::vector<bool> positive;
    for (std::size_t i = 0; i < examples; ++i) {
      own.push_back(scores[i * classes.size() + c]);
      positive.push_back(is(i, c));
    }
    curves.classes.push_back(curve_of(classes[c], own, positive));
  }
  return curves;
}

}  // namespace sec::train
