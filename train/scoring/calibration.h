// Calibration: how well predicted probabilities agree with the observed accuracy.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace sec::train {

struct ReliabilityBin {
  std::int64_t beats = 0;
  double confidence = 0;  // mean probability of the predicted class
  double accuracy = 0;    // share of the beats that were predicted correctly
};

struct Calibration {
  double ece = 0;  // expected calibration error: mean of |confidence - accuracy| over bins, weighted by beats
  std::vector<ReliabilityBin> bins;  // ten bins of equal width over (0, 1] (Guo et al. 2017)
};

// `probabilities` is (beats, classes).
// A beat with label -1 has none of the classes and is always wrong. Values are NaN without beats.
Calibration calibration_of(std::span<const float> probabilities, std::span<const std::int32_t> labels,
                           std::size_t classes);

// The temperature T that minimises the mean cross entropy of softmax(logits / T) against the labels.
// Golden-section search over ln T in [ln 0.05, ln 20]; the mean is unimodal there, as it is convex in 1/T.
// Beats with label -1 are ignored. Returns 1 if no beat is left.
double fit_temperature(std::span<const float> logits, std::span<const std::int32_t> labels,
                       std::size_t classes);

// softmax(logits / temperature), row by row.
std::vector<float> tempered(std::span<const float> logits, std::size_t classes, double temperature);

}  // namespace sec::train
