#include "io/recording/amplitude.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace sec::io {
namespace {

constexpr double lowest = 0.01;  // mV
constexpr double highest = 20;   // mV

bool is_plausible(double millivolts) {
  return millivolts >= lowest && millivolts <= highest;
}

}  // namespace

AmplitudeMeter::AmplitudeMeter(double rate) : second_(std::max<std::int64_t>(1, std::llround(rate))) {}

void AmplitudeMeter::add(std::span<const float> samples) {
  for (const float sample : samples) {
    if (std::isfinite(sample)) {
      low_ = any_ ? std::min(low_, sample) : sample;
      high_ = any_ ? std::max(high_, sample) : sample;
      any_ = true;
    }
    if (++count_ == second_) {
      ranges_.push_back(any_ ? high_ - low_ : 0);
      count_ = 0;
      any_ = false;
    }
  }
}

double AmplitudeMeter::amplitude() const {
  if (ranges_.empty()) {
    return any_ ? static_cast<double>(high_) - low_ : 0;
  }
  return median_of({ranges_.begin(), ranges_.end()});
}

std::string amplitude_fault(double millivolts) {
  if (millivolts == 0 || is_plausible(millivolts)) {
    return "";
  }
  const char* const unit = millivolts < lowest              ? "V"
                           : is_plausible(millivolts / 1e3) ? "uV"
                           : is_plausible(millivolts / 1e6) ? "nV"
                                                            : "converter units";
  return fmt::format(
      "an amplitude of {:.3g} mV (median over seconds and leads), which no electrocardiogram has: the samples "
      "are probably {}, but the file says mV or nothing",
      millivolts, unit);
}

bool is_too_high(double millivolts) {
  return millivolts > highest;
}

double median_of(std::vector<double> values) {
  if (values.empty()) {
    return 0;
  }
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::ranges::nth_element(values, middle);
  return *middle;
}

}  // namespace sec::io
