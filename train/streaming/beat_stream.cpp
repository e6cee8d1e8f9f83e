#include "train/streaming/beat_stream.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "engine/parallel.h"

namespace sec::train {
namespace {

constexpr double beside_peak = 0.15;  // s of signal needed before and after an R peak for its amplitude

const Recipe& checked(const Recipe& recipe) {
  require(recipe.input.beats == 1,
          "this network takes sequences of {} heartbeats (input.beats), which streams do not support",
          recipe.input.beats);
  return recipe;
}

}  // namespace

BeatStream::BeatStream(const Recipe& recipe, double source_rate)
    : recipe_(checked(recipe)),
      source_rate_(source_rate),
      ratio_(io::rate_ratio(source_rate, recipe.data.rate)),
      before_(recipe.window_before()),
      length_(recipe.window_length()),
      covariates_(covariate_count(recipe.input.covariates, recipe.input.rhythm.size())),
      measures_(parse_measures(recipe.input.rhythm)),
      channels_(parse_channels(recipe)),
      filters_(recipe.data.leads.size(), LeadFilter(recipe.data, source_rate)),
      signals_(recipe.data.leads.size()) {}

void BeatStream::push(std::span<const std::span<const float>> samples) {
  require(samples.size() == filters_.size(), "samples of {} leads, but the network reads {}", samples.size(),
          filters_.size());
  for (std::size_t lead = 0; lead < samples.size(); ++lead) {
    filters_[lead].push(samples[lead], signals_[lead]);
  }
  cut_windows();
  drop_signal();
}

void BeatStream::finish() {
  for (std::size_t lead = 0; lead < filters_.size(); ++lead) {
    filters_[lead].finish(signals_[lead]);
  }
  finished_ = true;
  cut_windows();
}

void BeatStream::add_beat(std::int64_t sample) {
  require(beats_.empty() || sample >= beats_.back().sample, "a beat at sample {} after a beat at {}", sample,
          beats_.empty() ? 0 : beats_.back().sample);
  const std::optional<BeatRhythm> before = rhythm_.add(static_cast<double>(sample) / source_rate_);
  if (before) {
    beats_.back().rhythm = before;
  }
  beats_.push_back({sample, io::resampled_position(sample, ratio_), {}, {}, {}});
  cut_windows();
}

void BeatStream::conclude() {
  if (!beats_.empty() && !beats_.back().rhythm) {
    beats_.back().rhythm = rhythm_.last();
  }
}

// Cuts the windows of beats whose samples have arrived.
void BeatStream::cut_windows() {
  const std::int64_t beside = std::llround(beside_peak * recipe_.data.rate);
  std::int64_t end = INT64_MAX;  // end of the shortest signal; the delays of leads can differ at the start
  for (const std::vector<float>& signal : signals_) {
    end = std::min(end, first_ + std::ssize(signal));
  }
  const auto length = static_cast<std::size_t>(length_);
  for (; next_to_cut_ < beats_.size(); ++next_to_cut_) {
    PendingBeat& beat = beats_[next_to_cut_];
    const std::int64_t last = beat.centre + std::max(length_ - before_, beside);
    if ((!finished_ && last >= end) || end == first_) {
      return;
    }
    beat.windows.resize(signals_.size() * length);
    for (std::size_t lead = 0; lead < signals_.size(); ++lead) {
      cut_window(signals_[lead], beat.centre - before_, {&beat.windows[lead * length], length}, first_);
      beat.amplitudes.push_back(qrs_amplitude(signals_[lead], beat.centre, recipe_.data.rate, first_));
    }
  }
}

void BeatStream::drop_signal() {
  std::int64_t end = INT64_MAX;
  for (const std::vector<float>& signal : signals_) {
    end = std::min(end, first_ + std::ssize(signal));
  }
  std::int64_t needed = end - std::llround(memory_seconds * recipe_.data.rate);
  if (next_to_cut_ < beats_.size()) {
    needed = std::min(needed, beats_[next_to_cut_].centre);
  }
  const std::int64_t unused =
      needed - std::max<std::int64_t>(before_, std::llround(beside_peak * recipe_.data.rate)) - first_;
  constexpr std::int64_t unused_kept = 4096;  // in samples: erasing them at every push would be slow
  if (unused > unused_kept) {
    for (std::vector<float>& signal : signals_) {
      signal.erase(signal.begin(), signal.begin() + unused);
    }
    first_ += unused;
  }
}

std::size_t BeatStream::ready() const {
  std::size_t end = next_to_cut_;
  while (end > next_to_take_ && !beats_[end - 1].rhythm) {
    --end;  // only the last beat can be incomplete
  }
  return end - next_to_take_;
}

PastBeat BeatStream::past(std::size_t i) const {
  return {beats_[i].rhythm->interval, beats_[i].windows, beats_[i].amplitudes};
}

BeatBatch BeatStream::take(std::size_t most) {
  const std::size_t count = std::min(most, ready());
  const auto cells = static_cast<std::size_t>(length_ * leads());
  const auto k = static_cast<std::size_t>(covariates_);
  BeatBatch batch{std::vector<std::int64_t>(count), PinnedVector<float>(count * cells),
                  PinnedVector<float>(count * k)};
  const auto past_beats = static_cast<std::size_t>(recipe_.input.past_beats);
  parallel_for(static_cast<std::int64_t>(count), [&](std::int64_t index) {
    const auto n = static_cast<std::size_t>(index);
    const std::size_t i = next_to_take_ + n;
    const bool is_first = first_is_here_ && i == 0;
    std::vector<PastBeat> past_of;
    for (std::size_t j = is_first ? 0 : i - std::min(i, past_beats); j < std::max<std::size_t>(i, is_first);
         ++j) {
      past_of.push_back(past(j));
    }
    const PendingBeat& beat = beats_[i];
    std::vector<float> amplitudes(beat.amplitudes.size());
    std::vector<float> templates(beat.windows.size());
    describe_patient(past_of, recipe_.input, amplitudes, templates);
    present({beat.windows, amplitudes, templates, *beat.rhythm}, recipe_.input, channels_,
            {batch.x.data() + n * cells, cells});
    const std::vector<float> values = covariates_of({&*beat.rhythm, 1}, recipe_.input.covariates, measures_);
    std::copy(values.begin(), values.end(), batch.covariates.begin() + static_cast<std::ptrdiff_t>(n * k));
    batch.samples[n] = beat.sample;
  });
  next_to_take_ += count;
  while (next_to_take_ > past_beats) {
    beats_.pop_front();
    first_is_here_ = false;
    --next_to_take_;
    --next_to_cut_;
  }
  return batch;
}

}  // namespace sec::train
