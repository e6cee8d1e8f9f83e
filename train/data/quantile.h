// Quantiles of sorted values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

namespace sec::train {

// The quantile by linear interpolation between order statistics, as numpy.quantile. Needs at least one value.
inline double quantile(std::span<const double> sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace sec::train
