#include "train/rhythm.h"

#include <algorithm>
#include <cmath>

namespace sec::train {
namespace {

double quantile_of_sorted(std::span<const double> sorted, double q) {
  const double place = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

double median(std::vector<double> values) {
  const auto lower = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), lower, values.end());
  return values.size() % 2 == 1 ? *lower : (*lower + *std::min_element(lower + 1, values.end())) / 2;
}

// The values before i, at most `past` of them; the first value for i = 0.
std::span<const double> past_of(std::span<const double> x, std::size_t i, std::size_t past) {
  return i == 0 ? x.first(1) : x.subspan(i - std::min(i, past), std::min(i, past));
}

// The median absolute deviation of past values from their median.
std::vector<double> past_deviation(std::span<const double> x, std::size_t past) {
  std::vector<double> result(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto window = past_of(x, i, past);
    std::vector<double> distance(window.begin(), window.end());
    const double centre = median(distance);
    std::transform(window.begin(), window.end(), distance.begin(),
                   [&](double v) { return std::abs(v - centre); });
    result[i] = median(std::move(distance));
  }
  return result;
}

// The median change from one interval to the next within the past ones.
std::vector<double> past_change(std::span<const double> x, std::size_t past) {
  std::vector<double> result(x.size());
  for (std::size_t i = 3; i < x.size(); ++i) {
    const auto window = past_of(x, i, past);
    std::vector<double> change(window.size() - 1);
    for (std::size_t j = 0; j < change.size(); ++j) {
      change[j] = std::abs(window[j + 1] - window[j]);
    }
    result[i] = median(std::move(change));
  }
  return result;
}

void divide(std::vector<double>& values, std::span<const double> by) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] /= by[i];
  }
}

}  // namespace

std::vector<double> past_quantile(std::span<const double> x, std::int64_t past, double q) {
  std::vector<double> result(x.size());
  std::vector<double> sorted;  // the past values
  for (std::size_t i = 0; i < x.size(); ++i) {
    result[i] = i == 0 ? x[0] : quantile_of_sorted(sorted, q);
    sorted.insert(std::upper_bound(sorted.begin(), sorted.end(), x[i]), x[i]);
    if (static_cast<std::int64_t>(sorted.size()) > past) {
      sorted.erase(std::lower_bound(sorted.begin(), sorted.end(), x[i - static_cast<std::size_t>(past)]));
    }
  }
  return result;
}

Rhythm rhythm_of(std::span<const double> times) {
  Rhythm r;
  const std::size_t n = times.size();
  if (n == 0) {
    return r;
  }
  r.interval.resize(n, 0.8);
  for (std::size_t i = 1; i < n; ++i) {
    r.interval[i] = times[i] - times[i - 1];
  }
  r.interval[0] = n > 1 ? r.interval[1] : r.interval[0];
  for (const double interval : r.interval) {
    r.rr.push_back(std::clamp(interval, 0.2, 3.0));
  }
  const auto shifted = [&](std::ptrdiff_t by) {
    std::vector<double> result(n);
    for (std::size_t i = 0; i < n; ++i) {
      const auto from = std::clamp<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(i) + by, 0,
                                                   static_cast<std::ptrdiff_t>(n) - 1);
      result[i] = r.rr[static_cast<std::size_t>(from)];
    }
    return result;
  };
  r.next = shifted(1);
  r.previous = shifted(-1);
  r.second_previous = shifted(-2);
  r.median8 = past_quantile(r.rr, 8, 0.5);
  r.usual = past_quantile(r.rr, 256, 0.75);

  const std::vector<double> median32 = past_quantile(r.rr, 32, 0.5);
  std::vector<double> change(n);
  for (std::size_t i = 1; i < n; ++i) {
    change[i] = std::abs(r.rr[i] - r.rr[i - 1]);
  }
  r.change32 = past_quantile(change, 32, 0.5);
  r.change128 = past_quantile(change, 128, 0.5);
  r.change16 = past_change(r.rr, 17);
  r.deviation32 = past_deviation(r.rr, 32);
  r.deviation256 = past_deviation(r.rr, 256);
  divide(r.change32, median32);
  divide(r.change128, past_quantile(r.rr, 128, 0.5));
  divide(r.change16, median32);
  divide(r.deviation32, median32);
  divide(r.deviation256, past_quantile(r.rr, 256, 0.5));
  return r;
}

}  // namespace sec::train
