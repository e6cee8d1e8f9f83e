#include "io/signal/qrs_filter.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace sec::io {

double MovingMean::push(double value) {
  if (!started_) {
    started_ = true;
    std::ranges::fill(values_, value);
    sum_ = value * static_cast<double>(values_.size());
  }
  sum_ += value - values_[next_];
  values_[next_] = value;
  next_ = next_ + 1 == values_.size() ? 0 : next_ + 1;
  if (next_ == 0) {  // recomputed so that the rounding error of a huge value does not persist
    sum_ = std::accumulate(values_.begin(), values_.end(), 0.0);
  }
  return sum_ / static_cast<double>(values_.size());
}

double QrsFilter::push(double sample) {
  const double smooth = smooth_again_.push(smooth_.push(sample));
  const double trend = trend_.push(smooth);
  history_[at_] = smooth;
  at_ = at_ + 1 == history_.size() ? 0 : at_ + 1;
  const double middle = seen_ < 12 ? smooth : history_[at_];  // 12 samples ago
  const double band = middle - trend;
  const double slope = seen_ < 14 ? 0 : band - before_[1];
  before_[1] = before_[0];
  before_[0] = band;
  seen_ += seen_ < 14 ? 1 : 0;
  return energy_.push(std::abs(slope));
}

}  // namespace sec::io
