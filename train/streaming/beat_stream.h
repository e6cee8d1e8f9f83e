// Turns the beats of a recording that arrives in pieces into network inputs, in bounded memory.
// train/data/beat_dataset.h does the same for whole records in memory.
// Both files use the same functions, and a test checks that results are bitwise equal.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "engine/pinned.h"
#include "train/data/beat_dataset.h"
#include "train/data/lead_filter.h"
#include "train/data/patient.h"

namespace sec::train {

// Beats in the network's input format.
struct BeatBatch {
  std::vector<std::int64_t> samples;  // (N), samples of the R peaks, at the recording's rate
  PinnedVector<float> x;              // (N, L, H)
  PinnedVector<float> covariates;     // (N, K)
};

class BeatStream {
 public:
  // `source_rate` is in Hz. Throws the errors of LeadFilter and parse_channels().
  // Also throws Error if the recipe uses sequences of beats, which need future beats.
  BeatStream(const Recipe& recipe, double source_rate);

  // Adds the next samples (mV) of the leads data.leads, equally many for each lead.
  void push(std::span<const std::span<const float>> samples);
  void finish();  // ends the signal

  // Adds the next beat by the sample number of its R peak.
  // Call it before the samples of the beat are pushed, or at most memory_seconds after them.
  void add_beat(std::int64_t sample);
  static constexpr double memory_seconds = 15;
  // Completes the last beat without waiting for the next one, assumed to come after the same interval.
  void conclude();
  bool is_waiting() const {
    return !beats_.empty() && !beats_.back().rhythm;
  }  // the last beat, for the next one

  // The number of complete beats: their samples have arrived, and the interval to the next beat is known.
  std::size_t ready() const;
  BeatBatch take(std::size_t most);  // removes and returns the first complete beats, at most `most`

  std::int64_t length() const { return length_; }                                     // L
  std::int64_t leads() const { return static_cast<std::int64_t>(channels_.size()); }  // H
  std::int64_t covariates() const { return covariates_; }                             // K

 private:
  struct PendingBeat {
    std::int64_t sample = 0;
    std::int64_t centre = 0;           // sample of the R peak at the recipe's rate
    std::optional<BeatRhythm> rhythm;  // known when the next beat is
    std::vector<float> windows;        // (leads, L) mV; empty until the samples have arrived
    std::vector<float> amplitudes;     // (leads) mV
  };
  void cut_windows();
  void drop_signal();
  PastBeat past(std::size_t i) const;

  const Recipe recipe_;
  double source_rate_;
  io::RateRatio ratio_;
  std::int64_t before_;
  std::int64_t length_;
  std::int64_t covariates_;
  std::vector<RhythmMeasure> measures_;
  std::vector<Channel> channels_;
  std::vector<LeadFilter> filters_;
  std::vector<std::vector<float>> signals_;  // [lead][sample] at the recipe's rate, from sample first_ on
  std::int64_t first_ = 0;
  bool finished_ = false;
  RhythmTracker rhythm_;
  std::deque<PendingBeat> beats_;  // beats not yet taken, and earlier ones that describe the patient
  bool first_is_here_ = true;      // whether beats_ still holds the first beat of the recording
  std::size_t next_to_cut_ = 0;    // index into beats_
  std::size_t next_to_take_ = 0;   // index into beats_
};

}  // namespace sec::train
