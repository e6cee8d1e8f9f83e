#include "io/signal/r_peak.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace sec::io {
namespace {

constexpr double reach = 0.09;           // s, search range on either side
constexpr double baseline_reach = 0.15;  // s, range of the baseline's median on either side
// R peaks usually point up, so downward deflections are scaled by this factor before comparing the heights.
// Search range and factor were chosen so that 95 % of the peaks in DS1 are within 12 ms of their annotation.
constexpr float downward = 0.6F;

}  // namespace

std::int64_t r_peak_near(std::span<const float> signal, std::int64_t middle, double rate) {
  const std::int64_t last = std::ssize(signal) - 1;
  const auto limited = [&](double seconds) {
    return std::clamp<std::int64_t>(middle + std::llround(seconds * rate), 0, last);
  };
  std::vector<float> around(signal.begin() + limited(-baseline_reach),
                            signal.begin() + limited(baseline_reach) + 1);
  const auto centre = around.begin() + std::ssize(around) / 2;
  std::nth_element(around.begin(), centre, around.end());
  const float baseline = *centre;
  std::int64_t best = limited(0);
  float highest = -1;
  for (std::int64_t i = limited(-reach); i <= limited(reach); ++i) {
    const float value = signal[i] - baseline;
    const float height = value > 0 ? value : -value * downward;
    if (height > highest) {
      highest = height;
      best = i;
    }
  }
  return best;
}

}  // namespace sec::io
