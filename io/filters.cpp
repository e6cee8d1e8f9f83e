#include "io/filters.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <numeric>

#include "engine/error.h"

namespace sec::io {
namespace {

void require_finite(std::span<const float> signal, const char* what) {
  const auto bad = std::ranges::find_if(signal, [](float value) { return !std::isfinite(value); });
  require(bad == signal.end(), "{}: sample {} is not finite", what, bad - signal.begin());
}

// A block of `width` samples as a sorted linked list, from which samples are taken and into which they are
// put back in the opposite order. `median_` is the first sample after the `small_` smallest ones in the list.
class SortedBlock {
 public:
  explicit SortedBlock(std::size_t width)
      : keys_(width), values_(width + 1), rank_(width + 1), previous_(width + 1), next_(width + 1) {}

  // Fills the list with all samples; the median is the one after the lower half.
  void fill(std::span<const float> samples) {
    const std::size_t width = keys_.size();
    for (std::size_t i = 0; i < width; ++i) {
      // Floats in an order of unsigned integers: flip all bits of negative ones, the sign of the others.
      const auto bits = std::bit_cast<std::uint32_t>(samples[i] + 0.0F);
      const std::uint32_t ordered = (bits >> 31) != 0 ? ~bits : bits | 0x80000000U;
      keys_[i] = std::uint64_t{ordered} << 32 | i;
      values_[i] = samples[i];
    }
    std::ranges::sort(keys_);
    const auto tail = static_cast<std::uint32_t>(width);
    std::uint32_t before = tail;
    for (std::uint32_t r = 0; r < width; ++r) {
      const auto i = static_cast<std::uint32_t>(keys_[r]);
      rank_[i] = r;
      next_[before] = i;
      previous_[i] = before;
      before = i;
    }
    next_[before] = tail;
    previous_[tail] = before;
    rank_[tail] = tail;
    values_[tail] = std::numeric_limits<float>::infinity();
    small_ = width / 2;
    median_ = static_cast<std::uint32_t>(keys_[small_]);
  }

  // Takes all samples out, so that they can be put back first to last.
  void take_all() {
    for (std::size_t i = keys_.size(); i-- > 0;) {
      unlink(i);
    }
    median_ = static_cast<std::uint32_t>(keys_.size());
    small_ = 0;
  }

  void take(std::size_t i) {
    unlink(i);
    if (rank_[i] < rank_[median_]) {
      --small_;
      return;
    }
    if (median_ == i) {
      median_ = next_[i];
    }
    if (small_ > 0) {
      median_ = previous_[median_];
      --small_;
    }
  }

  void put_back(std::size_t i) {
    next_[previous_[i]] = static_cast<std::uint32_t>(i);
    previous_[next_[i]] = static_cast<std::uint32_t>(i);
    if (rank_[i] < rank_[median_]) {
      median_ = previous_[median_];
    }
  }

  void advance() {
    median_ = next_[median_];
    ++small_;
  }

  std::size_t small() const { return small_; }
  float median() const { return values_[median_]; }  // infinite at the end of the list

 private:
  void unlink(std::size_t i) {
    next_[previous_[i]] = next_[i];
    previous_[next_[i]] = previous_[i];
  }

  std::vector<std::uint64_t> keys_;  // value and index, sorted
  std::vector<float> values_;
  std::vector<std::uint32_t> rank_;
  std::vector<std::uint32_t> previous_;
  std::vector<std::uint32_t> next_;
  std::uint32_t median_ = 0;
  std::size_t small_ = 0;
};

std::int64_t odd_width(double samples) {
  return 2 * std::llround((samples - 1) / 2) + 1;
}

}  // namespace

std::int64_t hold_invalid(std::span<float> signal) {
  const auto first = std::ranges::find_if(signal, [](float value) { return std::isfinite(value); });
  float last = first == signal.end() ? 0.0F : *first;
  std::int64_t held = 0;
  for (float& value : signal) {
    if (std::isfinite(value)) {
      last = value;
    } else {
      value = last;
      ++held;
    }
  }
  return held;
}

std::vector<float> running_median(std::span<const float> signal, std::int64_t width) {
  require(width > 0 && width % 2 == 1, "running_median: width {}, expected an odd number of samples", width);
  require_finite(signal, "running_median");
  if (width == 1 || signal.empty()) {
    return {signal.begin(), signal.end()};
  }
  const auto n = static_cast<std::int64_t>(signal.size());
  const std::int64_t half = width / 2;
  // Block b holds the samples from b * width - half on: the window of output 0 is block 0.
  std::vector<float> samples(static_cast<std::size_t>(width));
  const auto load = [&](std::int64_t block) {
    for (std::int64_t i = 0; i < width; ++i) {
      samples[i] = signal[std::clamp<std::int64_t>(block * width - half + i, 0, n - 1)];
    }
    return std::span<const float>(samples);
  };
  SortedBlock leaving(static_cast<std::size_t>(width));
  SortedBlock entering(static_cast<std::size_t>(width));
  leaving.fill(load(0));
  std::vector<float> medians;
  medians.reserve(signal.size());
  medians.push_back(leaving.median());
  for (std::int64_t block = 1; std::ssize(medians) < n; ++block) {
    entering.fill(load(block));
    entering.take_all();
    for (std::int64_t i = 0; i < width && std::ssize(medians) < n; ++i) {
      leaving.take(static_cast<std::size_t>(i));
      entering.put_back(static_cast<std::size_t>(i));
      if (static_cast<std::int64_t>(leaving.small() + entering.small()) < half) {
        (leaving.median() <= entering.median() ? leaving : entering).advance();
      }
      medians.push_back(std::min(leaving.median(), entering.median()));
    }
    std::swap(leaving, entering);
  }
  return medians;
}

void subtract_median_baseline(std::span<float> signal, double rate) {
  require(std::isfinite(rate) && rate >= 10 && rate <= 1e6,
          "subtract_median_baseline: rate {} Hz, expected 10 to 1e6", rate);
  const std::vector<float> without_qrs = running_median(signal, odd_width(0.2 * rate));
  const std::vector<float> baseline = running_median(without_qrs, odd_width(0.6 * rate));
  std::ranges::transform(signal, baseline, signal.begin(), std::minus<>());
}

void high_pass(std::span<float> signal, double rate, double cutoff) {
  require(cutoff > 0 && cutoff < rate / 2, "high_pass: cutoff {} Hz at {} Hz, expected 0 to {}", cutoff, rate,
          rate / 2);
  constexpr std::size_t reach = 9;
  require(signal.size() > reach, "high_pass: {} samples, expected more than {}", signal.size(), reach);
  require_finite(signal, "high_pass");

  const double k = std::tan(std::numbers::pi * cutoff / rate);
  const double scale = 1 / (1 + std::numbers::sqrt2 * k + k * k);
  const double b[] = {scale, -2 * scale, scale};
  const double a[] = {1, 2 * (k * k - 1) * scale, (1 - std::numbers::sqrt2 * k + k * k) * scale};

  const std::size_t n = signal.size();
  std::vector<double> extended(n + 2 * reach);
  for (std::size_t i = 0; i < reach; ++i) {
    extended[i] = 2.0 * signal[0] - signal[reach - i];
    extended[n + reach + i] = 2.0 * signal[n - 1] - signal[n - 2 - i];
  }
  std::ranges::copy(signal, extended.begin() + reach);
  for (int pass = 0; pass < 2; ++pass) {
    // The state that a constant of the first value would have led to.
    double z0 = -b[0] * extended.front();
    double z1 = b[2] * extended.front();
    for (double& value : extended) {
      const double x = value;
      value = b[0] * x + z0;
      z0 = b[1] * x - a[1] * value + z1;
      z1 = b[2] * x - a[2] * value;
    }
    std::ranges::reverse(extended);
  }
  std::transform(extended.begin() + reach, extended.end() - reach, signal.begin(),
                 [](double value) { return static_cast<float>(value); });
}

}  // namespace sec::io
