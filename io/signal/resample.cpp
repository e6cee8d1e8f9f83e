#include "io/signal/resample.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "engine/error.h"

namespace sec::io {
namespace {

constexpr std::int64_t largest_exact_term = 10'000;  // up to here each phase has its own row of taps
constexpr std::int64_t largest_term = 2'000'000'000;
constexpr double largest_factor = 1000;  // between two rates; the filter's table for 8333 takes a minute
constexpr double rate_tolerance = 1e-9;
constexpr std::int64_t table_rows = 1024;  // positions between two inputs at which the filter is tabulated
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

// The low-pass filter at table_rows + 1 positions between two inputs, for ratios without a small set of phases.
// `half` is half of the filter's length in inputs. Row r holds the weights of `width` inputs, the last of which is
// half - r / table_rows inputs after the output. Each row sums to 1, so that a constant signal stays constant.
std::vector<float> low_pass_table(double half, std::int64_t width) {
  std::vector<float> rows;
  rows.reserve(static_cast<std::size_t>((table_rows + 1) * width));
  std::vector<double> taps(static_cast<std::size_t>(width));
  for (std::int64_t row = 0; row <= table_rows; ++row) {
    const double fraction = static_cast<double>(row) / static_cast<double>(table_rows);
    for (std::int64_t m = 0; m < width; ++m) {
      const double edge = (fraction - half + static_cast<double>(width - 1 - m)) / half;  // -1 to 1
      const double x = std::numbers::pi * edge * static_cast<double>(zero_crossings);
      const double inside = std::max(0.0, 1 - edge * edge);
      const double sinc = std::abs(x) < 1e-9 ? 1 : std::sin(x) / x;
      taps[m] = inside > 0 ? sinc * std::cyl_bessel_i(0, kaiser_beta * std::sqrt(inside)) : 0;
    }
    const double sum = std::accumulate(taps.begin(), taps.end(), 0.0);
    for (const double tap : taps) {
      rows.push_back(static_cast<float>(tap / sum));
    }
  }
  return rows;
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
  const double target = to / from;
  require(target >= 1 / largest_factor && target <= largest_factor,
          "resampling from {} Hz to {} Hz: expected rates that differ by a factor of {} at most", from, to,
          largest_factor);
  // Continued fractions find the simplest ratio within the tolerance. The terms cannot overflow: an approximation with
  // terms p and q is followed by terms of at most about 1 / (rate_tolerance * p) and 1 / (rate_tolerance * q * target).
  double rest = target;
  std::int64_t up = 1;
  std::int64_t down = 0;
  std::int64_t up_before = 0;
  std::int64_t down_before = 1;
  while (true) {
    const auto whole = static_cast<std::int64_t>(rest);
    up_before = std::exchange(up, whole * up + up_before);
    down_before = std::exchange(down, whole * down + down_before);
    const double ratio = static_cast<double>(up) / static_cast<double>(down);
    if (up > 0 && std::abs(ratio - target) <= rate_tolerance * target) {
      return {up, down};
    }
    rest = 1 / (rest - static_cast<double>(whole));
  }
}

Resampler::Resampler(RateRatio ratio) {
  require(ratio.up > 0 && ratio.down > 0 && ratio.up <= largest_term && ratio.down <= largest_term,
          "resample: ratio {}/{}, expected whole numbers from 1 to {}", ratio.up, ratio.down, largest_term);
  const std::int64_t divisor = std::gcd(ratio.up, ratio.down);
  up_ = ratio.up / divisor;
  down_ = ratio.down / divisor;
  half_ = zero_crossings * std::max(up_, down_);
  // Output j weights input i with tap j * down + half - i * up.
  // The taps whose indices have the same remainder modulo `up` form a phase.
  // Each phase is stored in the order of the inputs.
  width_ = (2 * half_) / up_ + 1;
  tabulated_ = std::max(up_, down_) > largest_exact_term;
  if (up_ == down_) {
    return;
  }
  if (tabulated_) {
    phases_ = low_pass_table(static_cast<double>(half_) / static_cast<double>(up_), width_);
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

// The output that depends on `width_` inputs and is `phase` / up after the first position to do so.
float Resampler::output_at(const float* inputs, std::int64_t phase) const {
  if (!tabulated_) {
    return dot(inputs, &phases_[phase * width_], width_);
  }
  const double place =
      static_cast<double>(phase) / static_cast<double>(up_) * static_cast<double>(table_rows);
  const auto row = std::min(static_cast<std::int64_t>(place), table_rows - 1);
  const auto part = static_cast<float>(place - static_cast<double>(row));
  const float lower = dot(inputs, &phases_[row * width_], width_);
  const float upper = dot(inputs, &phases_[(row + 1) * width_], width_);
  return lower + part * (upper - lower);
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
    output.push_back(output_at(&buffer_[last - width_ + 1 - first_], position % up_));
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
