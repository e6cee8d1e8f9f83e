#include "io/resample.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "engine/error.h"

namespace sec::io {
namespace {

constexpr std::int64_t largest_term = 10'000;
constexpr std::int64_t zero_crossings = 10;
constexpr double kaiser_beta = 5;

// The low-pass at `up` times the input rate, 2 * half + 1 taps with a sum of `up`.
std::vector<double> low_pass(std::int64_t up, std::int64_t down, std::int64_t half) {
  const auto slowest = static_cast<double>(std::max(up, down));
  std::vector<double> taps(static_cast<std::size_t>(2 * half + 1));
  for (std::int64_t i = -half; i <= half; ++i) {
    const double x = std::numbers::pi * static_cast<double>(i) / slowest;
    const double edge = static_cast<double>(i) / static_cast<double>(half);
    const double window = std::cyl_bessel_i(0, kaiser_beta * std::sqrt(1 - edge * edge));
    taps[i + half] = (i == 0 ? 1 : std::sin(x) / x) * window;
  }
  const double sum = std::accumulate(taps.begin(), taps.end(), 0.0);
  for (double& tap : taps) {
    tap *= static_cast<double>(up) / sum;
  }
  return taps;
}

// Fixed lanes let the compiler vectorise, and fix the order of the sum.
float dot(const float* a, const float* b, std::int64_t count) {
  constexpr int lanes = 8;
  float sums[lanes] = {};
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    for (int lane = 0; lane < lanes; ++lane) {
      sums[lane] += a[i + lane] * b[i + lane];
    }
  }
  float sum = 0;
  for (; i < count; ++i) {
    sum += a[i] * b[i];
  }
  for (const float part : sums) {
    sum += part;
  }
  return sum;
}

}  // namespace

RateRatio rate_ratio(double from, double to) {
  require(std::isfinite(from) && std::isfinite(to) && from > 0 && to > 0,
          "resampling from {} Hz to {} Hz: expected rates above 0", from, to);
  // Continued fractions give the simplest ratio within rounding error.
  const double target = to / from;
  double rest = target;
  std::int64_t up = 1;
  std::int64_t down = 0;
  std::int64_t up_before = 0;
  std::int64_t down_before = 1;
  while (rest < 2 * largest_term) {
    const auto whole = static_cast<std::int64_t>(rest);
    up_before = std::exchange(up, whole * up + up_before);
    down_before = std::exchange(down, whole * down + down_before);
    if (up > largest_term || down > largest_term) {
      break;
    }
    const double ratio = static_cast<double>(up) / static_cast<double>(down);
    if (up > 0 && std::abs(ratio - target) <= 1e-9 * target) {
      return {up, down};
    }
    rest = 1 / (rest - static_cast<double>(whole));
  }
  fail("resampling from {} Hz to {} Hz: expected a ratio of whole numbers up to {}", from, to, largest_term);
}

std::vector<float> resample(std::span<const float> signal, RateRatio ratio) {
  require(ratio.up > 0 && ratio.down > 0 && ratio.up <= largest_term && ratio.down <= largest_term,
          "resample: ratio {}/{}, expected whole numbers up to {}", ratio.up, ratio.down, largest_term);
  const std::int64_t divisor = std::gcd(ratio.up, ratio.down);
  const std::int64_t up = ratio.up / divisor;
  const std::int64_t down = ratio.down / divisor;
  if (up == down || signal.empty()) {
    return {signal.begin(), signal.end()};
  }
  const std::int64_t half = zero_crossings * std::max(up, down);
  const std::vector<double> taps = low_pass(up, down, half);

  // Output j weighs input i with tap j * down + half - i * up. The taps that meet a given remainder of that
  // by `up` form a phase, stored here so that they run along the input.
  const std::int64_t width = (2 * half) / up + 1;
  std::vector<float> phases(static_cast<std::size_t>(up * width));
  for (std::int64_t phase = 0; phase < up; ++phase) {
    for (std::int64_t m = 0; m < width; ++m) {
      const std::int64_t tap = phase + (width - 1 - m) * up;
      phases[phase * width + m] = tap <= 2 * half ? static_cast<float>(taps[tap]) : 0.0F;
    }
  }
  const auto n = static_cast<std::int64_t>(signal.size());
  const std::int64_t count = (n * up + down - 1) / down;
  // Beyond the ends, the end samples.
  std::vector<float> extended(static_cast<std::size_t>(n + 2 * width), signal.front());
  std::ranges::copy(signal, extended.begin() + width);
  std::fill(extended.begin() + width + n, extended.end(), signal.back());

  std::vector<float> output(static_cast<std::size_t>(count));
  for (std::int64_t j = 0; j < count; ++j) {
    const std::int64_t position = j * down + half;
    const std::int64_t last = position / up;  // the last input that a tap meets
    output[j] = dot(&extended[last - width + 1 + width], &phases[position % up * width], width);
  }
  return output;
}

std::int64_t resampled_position(std::int64_t sample, RateRatio ratio) {
  return (2 * sample * ratio.up + ratio.down) / (2 * ratio.down);
}

}  // namespace sec::io
