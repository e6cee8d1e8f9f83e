#include "train/holter/holter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace sec::train {
namespace {

constexpr double strip_seconds = 7;
constexpr double before_event = 3;  // s of a strip
constexpr double before_run = 1.5;  // s
constexpr std::size_t pause_strips = 6;
constexpr std::size_t strips_of_kind = 4;

// The number of strips of each kind: those of Holter::Strips, then runs, certain and doubtful beats of each class.
std::vector<std::size_t> limits_of(const std::vector<std::string>& classes) {
  std::vector<std::size_t> limits = {pause_strips, 1, 1, strips_of_kind};
  for (const std::string& name : classes) {
    const bool listed = name != "N";  // of normal beats only the doubtful ones are of interest
    limits.insert(limits.end(), {strips_of_kind, listed ? strips_of_kind : 0, strips_of_kind});
  }
  return limits;
}

}  // namespace

bool is_ectopic_class(const std::string& name) {
  return name == "S" || name == "V" || name == "F";
}

Holter::Holter(HolterOptions options)
    : options_(std::move(options)),
      summary_(options_.classes),
      intervals_(options_.classes, options_.rate),
      gaps_(options_.rate, options_.qrs_leads.size()),
      strips_(options_.rate, options_.lead_names, limits_of(options_.classes)) {}

const std::vector<KeptEvent>& Holter::strips(Strips kind) const {
  return strips_.kept(static_cast<std::size_t>(kind));
}

void Holter::push(std::span<const std::span<const float>> samples) {
  std::vector<std::span<const float>> searched;
  for (const std::size_t lead : options_.qrs_leads) {
    searched.push_back(samples[lead]);
  }
  gaps_.push(searched);
  strips_.push(samples);
  samples_ += std::ssize(samples[0]);
}

HolterHour& Holter::hour_at(double time) {
  const auto hour = static_cast<std::size_t>(time / 3600);
  if (hours_.size() <= hour) {
    hours_.resize(hour + 1);
  }
  return hours_[hour];
}

void Holter::add(const ClassifiedBeat& beat) {
  const double time = static_cast<double>(beat.sample) / options_.rate;
  const bool has_gap = last_beat_ && gaps_.overlap(*last_beat_ + 1, beat.sample);
  gaps_.forget_before(beat.sample);
  last_beat_ = beat.sample;
  summary_.add(time, beat.label);
  HolterHour& hour = hour_at(time);
  hour.not_classifiable += beat.label < 0 ? 1 : 0;
  hour.uncertain += beat.label >= 0 && beat.probability < holter_uncertain ? 1 : 0;
  strips_.add_beat(time, beat.label < 0 ? "Q" : options_.classes[static_cast<std::size_t>(beat.label)]);
  if (const std::optional<RrInterval> interval = intervals_.add(beat.sample, beat.label, has_gap)) {
    add_interval(*interval);
  }
  keep_beat(time, beat);
  follow_runs();
}

void Holter::keep_beat(double time, const ClassifiedBeat& beat) {
  const auto offer = [&](std::size_t group, double score, const std::string& text) {
    if (strips_.wants(group, score, time)) {
      strips_.offer(group, {score, time, text, strips_.cut(time - before_event, time, strip_seconds)});
    }
  };
  if (beat.label < 0) {
    offer(static_cast<std::size_t>(Strips::no_class), -time, "not classified");
    return;
  }
  const auto label = static_cast<std::size_t>(beat.label);
  const double probability = beat.probability;
  const std::string text = fmt::format("{} with {:.1f} %", options_.classes[label], 100 * probability);
  offer(4 + 3 * label + 1, probability, text);
  offer(4 + 3 * label + 2, -probability, text);
}

// The strip of a run is cut where it begins, and kept if the run is among the longest when it has ended.
void Holter::follow_runs() {
  const std::vector<BeatRun>& runs = summary_.runs();
  for (; runs_seen_ < runs.size(); ++runs_seen_) {
    const BeatRun& run = runs[runs_seen_];
    const auto label = std::ranges::find(options_.classes, run.name) - options_.classes.begin();
    const auto beats = static_cast<double>(run.beats);
    strips_.offer(
        4 + 3 * static_cast<std::size_t>(label),
        {beats, run.begin, fmt::format("{} beats, {:.0f} per minute", run.beats, run.rate()), run_strip_});
    run_strip_.reset();
  }
  if (summary_.in_run() && run_strip_ == nullptr) {
    const double begin = summary_.current().begin;
    run_strip_ = strips_.cut(begin - before_run, begin, strip_seconds);
  }
}

void Holter::add_interval(const RrInterval& interval) {
  if (options_.on_interval) {
    options_.on_interval(interval);
  }
  nn_.add(interval);
  if (interval.has_gap) {  // beats may be hidden: neither a rate nor a pause
    latest_.clear();
    return;
  }
  HolterHour& hour = hour_at(interval.time);
  ++hour.intervals;
  hour.seconds += interval.length;
  hour.longest = std::max(hour.longest, interval.length);
  latest_.push_back(interval.length);
  if (latest_.size() > holter_rate_beats) {
    latest_.pop_front();
  }
  if (latest_.size() == holter_rate_beats) {
    add_rate(interval.time);
  }
  if (interval.length < holter_pause) {
    return;
  }
  ++hour.pauses;
  pauses_.insert(std::ranges::upper_bound(pauses_, interval.length, std::greater<>(), &RrInterval::length),
                 interval);
  if (pauses_.size() > holter_pauses_kept) {
    pauses_.pop_back();
  }
  const auto group = static_cast<std::size_t>(Strips::pauses);
  const double begin = interval.time - interval.length;
  if (strips_.wants(group, interval.length, begin)) {
    // The pause in the middle of the strip; a longer one begins near the strip's begin.
    const double room = std::max(0.5, (strip_seconds - interval.length) / 2);
    strips_.offer(group, {interval.length, begin, fmt::format("{:.2f} s", interval.length),
                          strips_.cut(begin - room, begin, strip_seconds)});
  }
}

// Takes the mean rate of the latest intervals, the last of which ends at `time`.
void Holter::add_rate(double time) {
  const double sum = std::accumulate(latest_.begin(), latest_.end(), 0.0);
  const double rate = 60 * static_cast<double>(holter_rate_beats) / sum;
  HolterHour& hour = hour_at(time);
  hour.slowest = std::min(hour.slowest, rate);
  hour.fastest = std::max(hour.fastest, rate);
  const double begin = time - sum;
  for (const auto& [kind, score] : {std::pair(Strips::slowest, -rate), std::pair(Strips::fastest, rate)}) {
    const auto group = static_cast<std::size_t>(kind);
    const std::vector<KeptEvent>& kept = strips_.kept(group);
    if (kept.empty() || score > kept.front().score) {
      strips_.offer(group, {score, begin, fmt::format("{:.0f} per minute", rate),
                            strips_.cut(begin - 0.5, begin, strip_seconds)});
    }
  }
}

void Holter::finish() {
  if (const std::optional<RrInterval> interval = intervals_.finish()) {
    add_interval(*interval);
  }
  summary_.finish();
  follow_runs();
  gaps_.finish();
  strips_.finish();
  if (samples_ > 0) {
    hour_at(static_cast<double>(samples_ - 1) / options_.rate);
  }
}

HolterHour Holter::total() const {
  HolterHour sum;
  for (const HolterHour& hour : hours_) {
    sum.intervals += hour.intervals;
    sum.seconds += hour.seconds;
    sum.slowest = std::min(sum.slowest, hour.slowest);
    sum.fastest = std::max(sum.fastest, hour.fastest);
    sum.longest = std::max(sum.longest, hour.longest);
    sum.pauses += hour.pauses;
    sum.uncertain += hour.uncertain;
    sum.not_classifiable += hour.not_classifiable;
  }
  return sum;
}

double Holter::lost_seconds(std::size_t hour) const {
  const std::vector<std::int64_t>& lost = gaps_.lost_by_hour();
  return hour < lost.size() ? static_cast<double>(lost[hour]) / options_.rate : 0;
}

}  // namespace sec::train
