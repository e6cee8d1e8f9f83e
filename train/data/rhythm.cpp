#include "train/data/rhythm.h"

#include <algorithm>
#include <cmath>

#include "train/data/quantile.h"

namespace sec::train {
namespace {

double clipped(double interval) {
  return std::clamp(interval, 0.2, 3.0);  // s
}

std::span<const double> last_of(std::span<const double> values, std::size_t count) {
  return values.last(std::min(count, values.size()));
}

// There is at least one value here and below.
double mean_of(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) {
    sum += value;
  }
  return sum / static_cast<double>(values.size());
}

double spread_of(std::span<const double> values, double mean) {
  double sum = 0;
  for (const double value : values) {
    sum += (value - mean) * (value - mean);
  }
  return std::sqrt(sum / static_cast<double>(values.size()));
}

double median(std::vector<double> values) {
  const auto lower = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), lower, values.end());
  return values.size() % 2 == 1 ? *lower : (*lower + *std::min_element(lower + 1, values.end())) / 2;
}

// The median absolute deviation of the values from their median.
double deviation(std::span<const double> values) {
  std::vector<double> distance(values.begin(), values.end());
  const double centre = median(distance);
  std::transform(values.begin(), values.end(), distance.begin(),
                 [&](double v) { return std::abs(v - centre); });
  return median(std::move(distance));
}

// The median absolute change between successive values; there are at least two.
double change(std::span<const double> values) {
  std::vector<double> changes(values.size() - 1);
  for (std::size_t j = 0; j < changes.size(); ++j) {
    changes[j] = std::abs(values[j + 1] - values[j]);
  }
  return median(std::move(changes));
}

}  // namespace

void PastQuantile::push(double value) {
  if (values_.size() == past_) {
    sorted_.erase(std::lower_bound(sorted_.begin(), sorted_.end(), values_.front()));
    values_.erase(values_.begin());
  }
  values_.push_back(value);
  sorted_.insert(std::upper_bound(sorted_.begin(), sorted_.end(), value), value);
}

double PastQuantile::at(double q, double without) const {
  return sorted_.empty() ? without : quantile(sorted_, q);
}

std::optional<BeatRhythm> RhythmTracker::add(double time) {
  std::optional<BeatRhythm> complete;
  if (beats_ > 0) {
    const double interval = time - time_;
    interval_ = beats_ == 1 ? interval : interval_;
    complete = describe(clipped(interval));
    remember();
    change_ = std::abs(clipped(interval) - complete->rr);
    interval_ = interval;
  }
  time_ = time;
  ++beats_;
  return complete;
}

BeatRhythm RhythmTracker::last() const {
  return describe(clipped(interval_));
}

void RhythmTracker::remember() {
  const double rr = clipped(interval_);
  for (PastQuantile* past : {&rr32_, &rr128_, &rr256_}) {
    past->push(rr);
  }
  change32_.push(change_);
  change128_.push(change_);
  sum_ += rr;
  ++known_;
}

BeatRhythm RhythmTracker::describe(double next) const {
  BeatRhythm r;
  r.interval = interval_;
  r.rr = r.previous = r.mean10 = r.mean32 = r.mean = clipped(interval_);
  r.next = next;
  if (known_ > 0) {
    const std::span<const double> past = rr256_.values();
    r.previous = past.back();
    r.mean10 = mean_of(last_of(past, 10));
    r.mean32 = mean_of(last_of(past, 32));
    r.mean = sum_ / static_cast<double>(known_);
    r.spread32 = spread_of(last_of(past, 32), r.mean32);
    r.deviation32 = deviation(rr32_.values()) / rr32_.at(0.5, r.rr);
    r.deviation256 = deviation(past) / rr256_.at(0.5, r.rr);
  }
  r.change16 = known_ < 3 ? 0 : change(last_of(rr256_.values(), 17)) / rr32_.at(0.5, r.rr);
  r.change32 = change32_.at(0.5, change_) / rr32_.at(0.5, r.rr);
  r.change128 = change128_.at(0.5, change_) / rr128_.at(0.5, r.rr);
  return r;
}

std::vector<BeatRhythm> rhythm_of(std::span<const double> times) {
  RhythmTracker tracker;
  std::vector<BeatRhythm> result;
  result.reserve(times.size());
  for (const double time : times) {
    if (const std::optional<BeatRhythm> before = tracker.add(time)) {
      result.push_back(*before);
    }
  }
  if (!times.empty()) {
    result.push_back(tracker.last());
  }
  return result;
}

}  // namespace sec::train
