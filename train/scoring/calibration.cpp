#include "train/scoring/calibration.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sec::train {
namespace {

constexpr std::size_t bin_count = 10;

double mean_cross_entropy(std::span<const float> logits, std::span<const std::int32_t> labels,
                          std::size_t classes, double temperature) {
  double sum = 0;
  std::int64_t beats = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0) {
      continue;
    }
    const auto row = logits.subspan(i * classes, classes);
    const double top = *std::ranges::max_element(row);
    double total = 0;
    for (const float logit : row) {
      total += std::exp((static_cast<double>(logit) - top) / temperature);
    }
    sum +=
        std::log(total) - (static_cast<double>(row[static_cast<std::size_t>(labels[i])]) - top) / temperature;
    ++beats;
  }
  return beats > 0 ? sum / static_cast<double>(beats) : 0;
}

}  // namespace

Calibration calibration_of(std::span<const float> probabilities, std::span<const std::int32_t> labels,
                           std::size_t classes) {
  Calibration result;
  result.bins.resize(bin_count);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto row = probabilities.subspan(i * classes, classes);
    const auto decided = std::ranges::max_element(row);
    const double confidence = *decided;
    const double position = std::ceil(confidence * static_cast<double>(bin_count)) - 1;
    ReliabilityBin& bin =
        result.bins[static_cast<std::size_t>(std::clamp(position, 0.0, static_cast<double>(bin_count - 1)))];
    ++bin.beats;
    bin.confidence += confidence;
    bin.accuracy += labels[i] == decided - row.begin() ? 1 : 0;
  }
  double error = 0;
  for (ReliabilityBin& bin : result.bins) {
    error += std::abs(bin.confidence - bin.accuracy);
    const double beats = bin.beats > 0 ? static_cast<double>(bin.beats) : std::nan("");
    bin.confidence /= beats;
    bin.accuracy /= beats;
  }
  result.ece = labels.empty() ? std::nan("") : error / static_cast<double>(labels.size());
  return result;
}

double fit_temperature(std::span<const float> logits, std::span<const std::int32_t> labels,
                       std::size_t classes) {
  if (std::ranges::all_of(labels, [](std::int32_t label) { return label < 0; })) {
    return 1;
  }
  const double golden = (std::sqrt(5.0) - 1) / 2;
  double low = std::log(0.05);
  double high = std::log(20.0);
  const auto loss = [&](double t) { return mean_cross_entropy(logits, labels, classes, std::exp(t)); };
  double a = high - golden * (high - low);
  double b = low + golden * (high - low);
  double at_a = loss(a);
  double at_b = loss(b);
  while (high - low > 1e-5) {
    if (at_a < at_b) {
      high = b;
      b = a;
      at_b = at_a;
      a = high - golden * (high - low);
      at_a = loss(a);
    } else {
      low = a;
      a = b;
      at_a = at_b;
      b = low + golden * (high - low);
      at_b = loss(b);
    }
  }
  return std::exp((low + high) / 2);
}

std::vector<float> tempered(std::span<const float> logits, std::size_t classes, double temperature) {
  std::vector<float> result(logits.size());
  for (std::size_t begin = 0; begin < logits.size(); begin += classes) {
    const auto row = logits.subspan(begin, classes);
    const double top = *std::ranges::max_element(row);
    double total = 0;
    for (const float logit : row) {
      total += std::exp((static_cast<double>(logit) - top) / temperature);
    }
    for (std::size_t c = 0; c < classes; ++c) {
      result[begin + c] =
          static_cast<float>(std::exp((static_cast<double>(row[c]) - top) / temperature) / total);
    }
  }
  return result;
}

}  // namespace sec::train
