#include "train/holter/event_strips.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sec::train {
namespace {

constexpr double drawn_rate = 250;  // Hz, to which faster signals are thinned: ten samples per mm of paper
constexpr std::size_t leads_drawn = 3;
constexpr double apart = 60;  // s between events of a group
constexpr double kept_before_beat =
    120;  // s of beats and signal that are kept before the latest classified beat
constexpr double kept_signal =
    3600;  // s of signal that are kept at most, however late the beats are classified
constexpr std::int64_t dropped_at = 4096;  // samples that are dropped at once

}  // namespace

ThinnedLead::ThinnedLead(double rate)
    : factor_(std::max<std::int64_t>(1, std::llround(rate / drawn_rate))),
      rate_(rate / static_cast<double>(factor_)) {}

void ThinnedLead::push(std::span<const float> samples) {
  if (factor_ == 1) {
    samples_.insert(samples_.end(), samples.begin(), samples.end());
    return;
  }
  for (const float value : samples) {
    stretch_.push_back(value);
    if (std::ssize(stretch_) < 2 * factor_) {
      continue;
    }
    std::size_t low = stretch_.size();
    std::size_t high = stretch_.size();
    for (std::size_t i = 0; i < stretch_.size(); ++i) {
      if (std::isfinite(stretch_[i])) {
        low = low == stretch_.size() || stretch_[i] < stretch_[low] ? i : low;
        high = high == stretch_.size() || stretch_[i] > stretch_[high] ? i : high;
      }
    }
    if (low == stretch_.size()) {
      samples_.insert(samples_.end(), 2, std::nanf(""));
    } else {
      samples_.push_back(stretch_[std::min(low, high)]);
      samples_.push_back(stretch_[std::max(low, high)]);
    }
    stretch_.clear();
  }
}

void ThinnedLead::drop_before(std::int64_t index) {
  const std::int64_t count = std::min(index - first_, std::ssize(samples_));
  if (count >= dropped_at) {
    samples_.erase(samples_.begin(), samples_.begin() + count);
    first_ += count;
  }
}

EventStrips::EventStrips(double rate, const std::vector<std::string>& lead_names,
                         std::vector<std::size_t> kept)
    : lead_names_(lead_names.begin(),
                  lead_names.begin() + static_cast<std::ptrdiff_t>(std::min(lead_names.size(), leads_drawn))),
      leads_(lead_names_.size(), ThinnedLead(rate)),
      limits_(std::move(kept)),
      groups_(limits_.size()) {}

void EventStrips::push(std::span<const std::span<const float>> samples) {
  for (std::size_t lead = 0; lead < leads_.size(); ++lead) {
    leads_[lead].push(samples[lead]);
  }
  drop_signal();
}

void EventStrips::add_beat(double time, const std::string& name) {
  beats_.emplace_back(time, name);
  fill_before(time);
  while (beats_.front().first < time - kept_before_beat) {
    beats_.pop_front();
  }
}

std::shared_ptr<EcgStrip> EventStrips::cut(double begin, double marked, double seconds) {
  auto strip = std::make_shared<EcgStrip>();
  const double rate = leads_.front().rate();
  const double first = std::max(0.0, std::round(begin * rate));  // whole samples
  strip->rate = rate;
  strip->start = first / rate;
  strip->marked = marked;
  strip->lead_names = lead_names_;
  pending_.push_back({strip, strip->start + seconds});
  return strip;
}

bool EventStrips::wants(std::size_t group, double score, double time) const {
  std::size_t better = 0;
  for (const KeptEvent& event : groups_[group]) {
    if (event.score >= score) {
      ++better;
      if (std::abs(event.time - time) < apart) {
        return false;
      }
    }
  }
  return better < limits_[group];
}

void EventStrips::offer(std::size_t group, KeptEvent event) {
  if (!wants(group, event.score, event.time)) {
    return;
  }
  std::vector<KeptEvent>& kept = groups_[group];
  std::erase_if(kept, [&](const KeptEvent& one) { return std::abs(one.time - event.time) < apart; });
  kept.insert(std::ranges::upper_bound(kept, event.score, std::greater<>(), &KeptEvent::score),
              std::move(event));
  if (kept.size() > limits_[group]) {
    kept.pop_back();
  }
}

void EventStrips::finish() {
  fill_before(std::numeric_limits<double>::infinity());
}

// Fills the strips that end before `time`, up to which all beats are known.
void EventStrips::fill_before(double time) {
  std::erase_if(pending_, [&](const Pending& pending) {
    const std::shared_ptr<EcgStrip> strip = pending.strip.lock();
    if (strip != nullptr && pending.end >= time) {
      return false;
    }
    if (strip != nullptr) {
      fill(*strip, pending.end);
    }
    return true;
  });
}

void EventStrips::fill(EcgStrip& strip, double end) const {
  const std::int64_t begin = std::llround(strip.start * strip.rate);
  const std::int64_t count = std::llround((end - strip.start) * strip.rate);
  if (begin >= leads_.front().first()) {
    for (const ThinnedLead& lead : leads_) {
      const std::int64_t from = std::min(begin - lead.first(), std::ssize(lead.samples()));
      const std::int64_t to = std::min(from + count, std::ssize(lead.samples()));
      strip.leads.emplace_back(lead.samples().begin() + from, lead.samples().begin() + to);
    }
  }
  for (const auto& [time, name] : beats_) {
    if (time >= strip.start && time < end) {
      strip.beats.emplace_back(time, name);
    }
  }
}

void EventStrips::drop_signal() {
  const double rate = leads_.front().rate();
  const double latest =
      static_cast<double>(leads_.front().first() + std::ssize(leads_.front().samples())) / rate;
  const double classified = beats_.empty() ? 0 : beats_.back().first;
  const double from = std::max(classified - kept_before_beat, latest - kept_signal);
  for (ThinnedLead& lead : leads_) {
    lead.drop_before(static_cast<std::int64_t>(from * rate));
  }
}

}  // namespace sec::train
