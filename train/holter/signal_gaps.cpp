#include "train/holter/signal_gaps.h"

#include <algorithm>
#include <cmath>

namespace sec::train {
namespace {

constexpr double longest_constant = 1;   // s; recorded noise changes an electrocardiogram sooner
constexpr double longest_missing = 0.1;  // s; a QRS complex takes as long

}  // namespace

SignalGaps::SignalGaps(double rate, std::size_t leads)
    : rate_(rate),
      constant_least_(std::max<std::int64_t>(2, std::llround(longest_constant * rate))),
      missing_least_(std::max<std::int64_t>(1, std::llround(longest_missing * rate))),
      held_(leads, std::nanf("")) {}

void SignalGaps::push(std::span<const std::span<const float>> samples) {
  const std::size_t count = samples.empty() ? 0 : samples[0].size();
  for (std::size_t i = 0; i < count; ++i, ++count_) {
    bool missing = true;
    bool changes = false;
    for (std::size_t lead = 0; lead < held_.size(); ++lead) {
      const float value = samples[lead][i];
      if (std::isfinite(value)) {
        missing = false;
        changes = changes || value != held_[lead];
        held_[lead] = value;
      }
    }
    if (changes) {
      close_constant();
    } else if (!missing) {
      close_missing();
      missing_begin_ = count_ + 1;
    }
    if (changes) {
      constant_begin_ = count_;
      missing_begin_ = count_ + 1;
    }
  }
}

// Ends the run of missing samples before count_. It is part of a longer run in which nothing changes.
void SignalGaps::close_missing() {
  if (is_missing()) {
    gaps_.push_back({missing_begin_, count_});
  }
}

void SignalGaps::count_lost(const SignalGap& gap) {
  for (std::int64_t at = gap.begin; at < gap.end;) {
    const auto hour = static_cast<std::size_t>(static_cast<double>(at) / rate_ / 3600);
    if (lost_.size() <= hour) {
      lost_.resize(hour + 1);
    }
    const auto next = static_cast<std::int64_t>(std::ceil(static_cast<double>(hour + 1) * 3600 * rate_));
    const std::int64_t end = std::max(at + 1, std::min(gap.end, next));
    lost_[hour] += end - at;
    at = end;
  }
}

void SignalGaps::close_constant() {
  if (!is_constant()) {
    close_missing();
  } else {
    while (!gaps_.empty() && gaps_.back().begin >= constant_begin_) {
      gaps_.pop_back();  // missing samples within the run
    }
    gaps_.push_back({constant_begin_, count_});
  }
  for (auto gap = gaps_.rbegin(); gap != gaps_.rend() && gap->end > counted_to_; ++gap) {
    count_lost(*gap);  // nothing that follows changes it
  }
  counted_to_ = count_;
}

void SignalGaps::finish() {
  close_constant();
  constant_begin_ = missing_begin_ = count_;
}

bool SignalGaps::overlap(std::int64_t begin, std::int64_t end) const {
  for (auto gap = gaps_.rbegin(); gap != gaps_.rend() && gap->end > begin; ++gap) {
    if (gap->begin < end) {
      return true;
    }
  }
  return (is_constant() && constant_begin_ < end && count_ > begin) ||
         (is_missing() && missing_begin_ < end && count_ > begin);
}

void SignalGaps::forget_before(std::int64_t sample) {
  while (!gaps_.empty() && gaps_.front().end <= std::min(sample, counted_to_)) {
    gaps_.pop_front();
  }
}

}  // namespace sec::train
