#include "train/data/rhythm.h"

#include <algorithm>
#include <cmath>

namespace sec::train {
namespace {

double clipped(double interval) {
  return std::clamp(interval, 0.2, 3.0);  // s
}

}  // namespace

std::optional<BeatRhythm> RhythmTracker::add(double time) {
  std::optional<BeatRhythm> complete;
  if (beats_ > 0) {
    const double interval = time - time_;
    interval_ = beats_ == 1 ? interval : interval_;
    complete = describe(clipped(interval));
    remember();
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
  past_[static_cast<std::size_t>(known_ % kept)] = rr;
  sum_ += rr;
  ++known_;
}

double RhythmTracker::past(std::int64_t back) const {
  return past_[static_cast<std::size_t>((known_ - 1 - back) % kept)];
}

double RhythmTracker::mean_of_last(std::int64_t n) const {
  const std::int64_t count = std::min(n, known_);
  double sum = 0;
  for (std::int64_t back = 0; back < count; ++back) {
    sum += past(back);
  }
  return sum / static_cast<double>(count);
}

BeatRhythm RhythmTracker::describe(double next) const {
  const double rr = clipped(interval_);
  BeatRhythm r{interval_, rr, next, rr, rr, rr, rr, 0};
  if (known_ == 0) {
    return r;
  }
  r.previous = past(0);
  r.mean10 = mean_of_last(10);
  r.mean32 = mean_of_last(32);
  r.mean = sum_ / static_cast<double>(known_);
  const std::int64_t count = std::min<std::int64_t>(32, known_);
  double squares = 0;
  for (std::int64_t back = 0; back < count; ++back) {
    squares += (past(back) - r.mean32) * (past(back) - r.mean32);
  }
  r.spread32 = std::sqrt(squares / static_cast<double>(count));
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
