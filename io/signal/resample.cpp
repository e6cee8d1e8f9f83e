#include "io/signal/resample.h"

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

// The low-pass filter at `up` times the input rate: 2 * half + 1 taps whose sum is `up`.
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

// A fixed number of lanes lets the compiler vectorise and fixes the order of summation.
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
  // Continued fractions find the simplest ratio within the rounding error.
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

Resampler::Resampler(RateRatio ratio) {
  require(ratio.up > 0 && ratio.down > 0 && ratio.up <= largest_term && ratio.down <= largest_term,
          "resample: ratio {}/{}, expected whole numbers up to {}", ratio.up, ratio.down, largest_term);
  const std::int64_t divisor = std::gcd(ratio.up, ratio.down);
  up_ = ratio.up / divisor;
  down_ = ratio.down / divisor;
  half_ = zero_crossings * std::max(up_, down_);
  // Output j weights input i with tap j * down + half - i * up.
  // The taps whose indices have the same remainder modulo `up` form a phase.
  // Each phase is stored in the order of the inputs.
  width_ = (2 * half_) / up_ + 1;
  if (up_ == down_) {
    return;
  }
  const std::vector<double> taps = low_pass(up_, down_, half_);
  phases_.resize(static_cast<std::size_t>(up_ * width_));
  for (std::int64_t phase = 0; phase < up_; ++phase) {
    for (std::int64_t m = 0; m < width_; ++m) {
      const std::int64_t tap = phase + (width_ - 1 - m) * up_;
      phases_[phase * width_ + m] = tap <= 2 * half_ ? static_cast<float>(taps[tap]) : 0.0F;
    }
  }
}

// Computes outputs up to number `count`, as far as the buffered inputs allow.
void Resampler::make(std::int64_t count, std::vector<float>& output) {
  const std::int64_t end = first_ + std::ssize(buffer_);
  for (; made_ < count; ++made_) {
    const std::int64_t position = made_ * down_ + half_;
    const std::int64_t last = position / up_;  // the last input that a tap is applied to
    if (last >= end) {
      break;
    }
    output.push_back(dot(&buffer_[last - width_ + 1 - first_], &phases_[position % up_ * width_], width_));
  }
  constexpr std::int64_t unused_kept = 4096;  // erasing at every push would be slow
  const std::int64_t first_needed = (made_ * down_ + half_) / up_ - width_ + 1;
  if (first_needed - first_ > unused_kept) {
    const std::int64_t unused = std::min(first_needed, end) - first_;
    buffer_.erase(buffer_.begin(), buffer_.begin() + unused);
    first_ += unused;
  }
}

void Resampler::push(std::span<const float> samples, std::vector<float>& output) {
  if (up_ == down_) {
    output.insert(output.end(), samples.begin(), samples.end());
    return;
  }
  if (received_ == 0 && !samples.empty()) {  // extends the signal with copies of its first sample
    buffer_.assign(static_cast<std::size_t>(width_), samples.front());
    first_ = -width_;
  }
  buffer_.insert(buffer_.end(), samples.begin(), samples.end());
  received_ += std::ssize(samples);
  make((received_ * up_ + down_ - 1) / down_, output);
}

void Resampler::finish(std::vector<float>& output) {
  if (up_ == down_ || received_ == 0) {
    return;
  }
  buffer_.insert(buffer_.end(), static_cast<std::size_t>(width_), buffer_.back());
  make((received_ * up_ + down_ - 1) / down_, output);
}

std::vector<float> resample(std::span<const float> signal, RateRatio ratio) {
  Resampler resampler(ratio);
  std::vector<float> output;
  output.reserve(signal.size() * static_cast<std::size_t>(ratio.up) / static_cast<std::size_t>(ratio.down) +
                 1);
  resampler.push(signal, output);
  resampler.finish(output);
  return output;
}

std::int64_t resampled_position(std::int64_t sample, RateRatio ratio) {
  return (2 * sample * ratio.up + ratio.down) / (2 * ratio.down);
}

}  // namespace sec::io
