#include "train/data/rhythm.h"

#include <algorithm>
#include <cmath>

#include "train/data/quantile.h"

namespace sec::train {
namespace {

constexpr double shortest = 0.2, longest = 3;  // s; intervals are clipped to this range

double median(std::vector<double> values) {
  const auto lower = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), lower, values.end());
  return values.size() % 2 == 1 ? *lower : (*lower + *std::min_element(lower + 1, values.end())) / 2;
}

// The median absolute deviation of the values from their median.
double deviation(std::span<const double> values) {
  if (values.empty()) {
    return 0;
  }
  std::vector<double> distance(values.begin(), values.end());
  const double centre = median(distance);
  std::transform(values.begin(), values.end(), distance.begin(),
                 [&](double v) { return std::abs(v - centre); });
  return median(std::move(distance));
}

// The median absolute change between successive values.
double change(std::span<const double> values) {
  std::vector<double> changes(values.size() - 1);
  for (std::size_t j = 0; j < changes.size(); ++j) {
    changes[j] = std::abs(values[j + 1] - values[j]);
  }
  return median(std::move(changes));
}

double mean_of(std::span<const double> values, double without) {
  double sum = 0;
  for (const double value : values) {
    sum += value;
  }
  return values.empty() ? without : sum / static_cast<double>(values.size());
}

double spread_of(std::span<const double> values, double mean) {
  double sum = 0;
  for (const double value : values) {
    sum += (value - mean) * (value - mean);
  }
  return values.empty() ? 0 : std::sqrt(sum / static_cast<double>(values.size()));
}

std::span<const double> last_of(std::span<const double> values, std::size_t count) {
  return values.last(std::min(count, values.size()));
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
  if (sorted_.empty()) {
    return without;
  }
  return quantile(sorted_, q);
}

std::vector<double> past_quantile(std::span<const double> x, std::int64_t past, double q) {
  PastQuantile quantile(static_cast<std::size_t>(past));
  std::vector<double> result;
  for (const double value : x) {
    result.push_back(quantile.at(q, value));
    quantile.push(value);
  }
  return result;
}

std::optional<BeatRhythm> RhythmTracker::add(double time) {
  std::optional<BeatRhythm> complete;
  if (beats_ > 0) {
    const double interval = time - time_;
    interval_ = beats_ == 1 ? interval : interval_;
    complete = describe(std::clamp(interval, shortest, longest));
    remember();
    change_ = std::abs(std::clamp(interval, shortest, longest) - complete->rr);
    interval_ = interval;
  }
  time_ = time;
  ++beats_;
  return complete;
}

BeatRhythm RhythmTracker::last() const {
  return describe(std::clamp(interval_, shortest, longest));
}

void RhythmTracker::remember() {
  const double rr = std::clamp(interval_, shortest, longest);
  for (PastQuantile* past : {&rr8_, &rr32_, &rr128_, &rr256_}) {
    past->push(rr);
  }
  sum_ += rr;
  change32_.push(change_);
  change128_.push(change_);
  ++known_;
}

BeatRhythm RhythmTracker::describe(double next) const {
  const std::span<const double> past = rr256_.values();
  BeatRhythm r;
  r.interval = interval_;
  r.rr = std::clamp(interval_, shortest, longest);
  r.next = next;
  for (std::size_t j = 0; j < r.last.size(); ++j) {
    const std::size_t back = r.last.size() - 1 - j;  // number of beats ago
    r.last[j] = back == 0 || past.empty() ? r.rr : past[past.size() - std::min(back, past.size())];
  }
  r.previous = r.last[r.last.size() - 2];
  r.second_previous = r.last[r.last.size() - 3];
  r.mean10 = mean_of(last_of(past, 10), r.rr);
  r.mean32 = mean_of(last_of(past, 32), r.rr);
  r.mean256 = mean_of(past, r.rr);
  r.mean = known_ == 0 ? r.rr : sum_ / static_cast<double>(known_);
  r.spread32 = spread_of(last_of(past, 32), r.mean32);
  r.median8 = rr8_.at(0.5, r.rr);
  r.usual = rr256_.at(0.75, r.rr);
  const double median32 = rr32_.at(0.5, r.rr);
  r.change32 = change32_.at(0.5, change_) / median32;
  r.change128 = change128_.at(0.5, change_) / rr128_.at(0.5, r.rr);
  r.change16 = known_ < 3 ? 0 : change(last_of(past, 17)) / median32;
  r.deviation32 = deviation(rr32_.values()) / median32;
  r.deviation256 = deviation(past) / rr256_.at(0.5, r.rr);
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
