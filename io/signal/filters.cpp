#include "io/signal/filters.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <numbers>
#include <utility>

#include "engine/error.h"

namespace sec::io {
namespace {

void require_finite(std::span<const float> signal, const char* what) {
  const auto bad = std::ranges::find_if(signal, [](float value) { return !std::isfinite(value); });
  require(bad == signal.end(), "{}: sample {} is not finite", what, bad - signal.begin());
}

constexpr std::size_t reflected = 9;  // number of samples by which the high-pass filter extends each end

std::int64_t odd_width(double samples) {
  return 2 * std::llround((samples - 1) / 2) + 1;
}

}  // namespace

RunningMedian::RunningMedian(std::int64_t width) {
  require(width > 0 && width % 2 == 1, "running_median: width {}, expected an odd number of samples", width);
  window_.resize(static_cast<std::size_t>(width));
  missing_ = width / 2;
}

void RunningMedian::push(float sample, std::vector<float>& medians) {
  if (!started_) {  // pads the window with copies of the first sample
    started_ = true;
    std::ranges::fill(window_, sample);
    sorted_ = window_;
  } else {
    const float old = std::exchange(window_[next_], sample);
    next_ = next_ + 1 == window_.size() ? 0 : next_ + 1;
    --missing_;
    // Shifts the samples between the removed one and the inserted one by one place.
    if (sample > old) {
      const auto hole = std::ranges::lower_bound(sorted_, old);
      const auto place = std::lower_bound(hole, sorted_.end(), sample);
      *std::move(hole + 1, place, hole) = sample;
    } else if (sample < old) {
      const auto place = std::ranges::upper_bound(sorted_, sample);
      const auto hole = std::lower_bound(place, sorted_.end(), old);
      std::move_backward(place, hole, hole + 1);
      *place = sample;
    }
  }
  if (missing_ <= 0) {
    medians.push_back(sorted_[sorted_.size() / 2]);
  }
}

void RunningMedian::finish(std::vector<float>& medians) {
  if (!started_) {
    return;
  }
  const float last = window_[next_ == 0 ? window_.size() - 1 : next_ - 1];
  for (std::size_t i = 0; i < window_.size() / 2; ++i) {
    push(last, medians);
  }
}

std::vector<float> running_median(std::span<const float> signal, std::int64_t width) {
  RunningMedian median(width);
  require_finite(signal, "running_median");
  std::vector<float> medians;
  medians.reserve(signal.size());
  for (const float sample : signal) {
    median.push(sample, medians);
  }
  median.finish(medians);
  return medians;
}

MedianBaseline::MedianBaseline(double rate)
    : without_qrs_((require(std::isfinite(rate) && rate >= 10 && rate <= 1e6,
                            "subtract_median_baseline: rate {} Hz, expected 10 to 1e6", rate),
                    odd_width(0.2 * rate))),
      without_t_(odd_width(0.6 * rate)) {}

void MedianBaseline::push(std::span<const float> samples, std::vector<float>& output) {
  require_finite(samples, "subtract_median_baseline");
  waiting_.insert(waiting_.end(), samples.begin(), samples.end());
  for (const float sample : samples) {
    without_qrs_.push(sample, medians_);
  }
  subtract(output);
}

void MedianBaseline::finish(std::vector<float>& output) {
  without_qrs_.finish(medians_);
  for (const float median : medians_) {
    without_t_.push(median, baseline_);
  }
  medians_.clear();
  without_t_.finish(baseline_);
  subtract(output);
}

void MedianBaseline::subtract(std::vector<float>& output) {
  for (const float median : medians_) {
    without_t_.push(median, baseline_);
  }
  medians_.clear();
  std::ranges::transform(waiting_.begin(), waiting_.begin() + std::ssize(baseline_), baseline_.begin(),
                         baseline_.end(), std::back_inserter(output), std::minus<>());
  waiting_.erase(waiting_.begin(), waiting_.begin() + std::ssize(baseline_));
  baseline_.clear();
}

void subtract_median_baseline(std::span<float> signal, double rate) {
  MedianBaseline filter(rate);
  std::vector<float> output;
  output.reserve(signal.size());
  filter.push(signal, output);
  filter.finish(output);
  std::ranges::copy(output, signal.begin());
}

HighPass::HighPass(double rate, double cutoff) {
  require(cutoff > 0 && cutoff < rate / 2, "high_pass: cutoff {} Hz at {} Hz, expected 0 to {}", cutoff, rate,
          rate / 2);
  const double k = std::tan(std::numbers::pi * cutoff / rate);
  const double scale = 1 / (1 + std::numbers::sqrt2 * k + k * k);
  b_[0] = scale;
  b_[1] = -2 * scale;
  b_[2] = scale;
  a_[0] = 2 * (k * k - 1) * scale;
  a_[1] = (1 - std::numbers::sqrt2 * k + k * k) * scale;
  look_ahead_ = static_cast<std::size_t>(std::ceil(5 * rate / cutoff));
}

// The filter state after an endless constant input of value `sample`.
void HighPass::settle(double sample, double (&state)[2]) const {
  state[0] = -b_[0] * sample;
  state[1] = b_[2] * sample;
}

double HighPass::step(double sample, double (&state)[2]) const {
  const double value = b_[0] * sample + state[0];
  state[0] = b_[1] * sample - a_[0] * value + state[1];
  state[1] = b_[2] * sample - a_[1] * value;
  return value;
}

double HighPass::forward(double sample) {
  last_.push_back(sample);
  if (last_.size() > reflected + 1) {
    last_.erase(last_.begin());
  }
  return step(sample, state_);
}

// Runs the backward pass from the end and outputs the first `count` values.
void HighPass::backward(std::size_t count, std::vector<float>& output) {
  double state[2];
  settle(forwards_.back(), state);
  const std::size_t begin = output.size();
  output.resize(begin + count);
  for (std::size_t i = forwards_.size(); i-- > 0;) {
    const double value = step(forwards_[i], state);
    if (i < count) {
      output[begin + i] = static_cast<float>(value);
    }
  }
  forwards_.erase(forwards_.begin(), forwards_.begin() + static_cast<std::ptrdiff_t>(count));
}

void HighPass::push(std::span<const float> samples, std::vector<float>& output) {
  require_finite(samples, "high_pass");
  for (const float sample : samples) {
    if (first_.size() <= reflected) {
      first_.push_back(sample);
      if (first_.size() <= reflected) {
        continue;
      }
      settle(2.0 * first_[0] - first_[reflected], state_);
      for (std::size_t i = 0; i < reflected; ++i) {
        step(2.0 * first_[0] - first_[reflected - i], state_);
      }
      for (const float early : first_) {
        forwards_.push_back(forward(early));
      }
      continue;
    }
    forwards_.push_back(forward(sample));
    if (forwards_.size() >= 2 * look_ahead_) {
      backward(look_ahead_, output);
    }
  }
}

void HighPass::finish(std::vector<float>& output) {
  require(first_.size() > reflected, "high_pass: {} samples, expected more than {}", first_.size(),
          reflected);
  const std::vector<double> end = last_;
  const std::size_t count = forwards_.size();
  for (std::size_t i = 0; i < reflected; ++i) {
    forwards_.push_back(forward(2.0 * end.back() - end[end.size() - 2 - i]));
  }
  backward(count, output);
}

void high_pass(std::span<float> signal, double rate, double cutoff) {
  HighPass filter(rate, cutoff);
  std::vector<float> output;
  output.reserve(signal.size());
  filter.push(signal, output);
  filter.finish(output);
  std::ranges::copy(output, signal.begin());
}

}  // namespace sec::io
