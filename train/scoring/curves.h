// The receiver operating characteristic (ROC) and the precision-recall curve of each class against all others.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace sec::train {

// The points of both curves, from the highest threshold to the lowest. Only points that a plot can show apart are
// kept: neighbours differ by at least 1/256 in one of the three values.
struct ThresholdCurve {
  std::string name;  // the class
  std::int64_t positives = 0;
  std::int64_t negatives = 0;
  std::vector<double> false_positive_rate;  // share of the negatives above the threshold
  std::vector<double> sensitivity;          // share of the positives above the threshold: recall
  std::vector<double> precision;            // share of positives among the examples above the threshold
  // The sum over all thresholds of precision times the growth of recall; NaN without positives.
  double average_precision = 0;
};

struct NamedCurves {
  std::string name;  // "test", "validation"
  std::vector<ThresholdCurve> classes;
};

// `scores` is (examples, classes); `is(i, c)` tells whether example i has class c. Examples with equal scores are
// above a threshold together. A class without positives or without negatives has no points.
NamedCurves threshold_curves(const std::string& name, const std::vector<std::string>& classes,
                             std::span<const float> scores,
                             const std::function<bool(std::size_t, std::size_t)>& is);

}  // namespace sec::train
