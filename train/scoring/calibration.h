// How far the probabilities that a network states are to be believed.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace sec::train {

struct ReliabilityBin {
  std::int64_t beats = 0;
  double confidence = 0;  // mean probability of the class that was decided
  double accuracy = 0;    // the share that was right
};

struct Calibration {
  double ece = 0;  // expected calibration error: the mean |confidence - accuracy| over beats
  std::vector<ReliabilityBin> bins;  // ten of equal width over (0, 1] (Guo et al. 2017)
};

// `probabilities` is (beats, classes), a label of -1 a beat of no class: always wrong. NaN without beats.
Calibration calibration_of(std::span<const float> probabilities, std::span<const std::int32_t> labels,
                           std::size_t classes);

// The temperature T for which softmax(logits / T) gives the labels the smallest mean cross entropy: found by
// golden section over ln T in [ln 0.05, ln 20], where it is unimodal (the entropy is convex in 1/T). Beats
// with label -1 do not count; 1 if none does.
double fit_temperature(std::span<const float> logits, std::span<const std::int32_t> labels,
                       std::size_t classes);

// softmax(logits / temperature), row by row.
std::vector<float> tempered(std::span<const float> logits, std::size_t classes, double temperature);

}  // namespace sec::train
