// Beats of a recording that comes in pieces, made ready for the network: what train/data/beat_dataset.h does for
// whole records in memory, in memory that does not grow. Both use the same functions; a test compares the
// bits.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "train/data/beat_dataset.h"
#include "train/data/lead_filter.h"
#include "train/data/patient.h"

namespace sec::train {

// Beats as the network is given them.
struct BeatBatch {
  std::vector<std::int64_t> samples;  // (N) of the R peaks, at the recording's rate
  std::vector<float> x;               // (N, L, H)
  std::vector<float> covariates;      // (N, K)
};

class BeatStream {
 public:
  // For samples of `source_rate` Hz. Throws Error as LeadFilter and parse_channels do, and if
  // the recipe asks for sequences of beats: those need beats that are yet to come.
  BeatStream(const Recipe& recipe, double source_rate);

  // The next samples (mV) of each of data.leads, as many of each.
  void push(std::span<const std::span<const float>> samples);
  void finish();  // there are no more

  // The R peak of the next beat, a sample number. It may come before its samples, or up to memory_seconds
  // after them.
  void add_beat(std::int64_t sample);
  static constexpr double memory_seconds = 15;
  // Does not wait for the beat after the last one: it is taken as if it came at the same interval again.
  void conclude();

  // How many beats are complete: their samples are there, and the interval to the next beat is known.
  std::size_t ready() const;
  BeatBatch take(std::size_t most);  // the first of these

  std::int64_t length() const { return length_; }                                     // L
  std::int64_t leads() const { return static_cast<std::int64_t>(channels_.size()); }  // H
  std::int64_t covariates() const { return covariates_; }                             // K

 private:
  struct PendingBeat {
    std::int64_t sample = 0;
    std::int64_t centre = 0;  // at the recipe's rate
    std::optional<BeatRhythm> rhythm;
    std::vector<float> windows;     // (leads, L) mV; empty until the samples are there
    std::vector<float> amplitudes;  // (leads) mV
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
  std::vector<Channel> channels_;
  std::vector<LeadFilter> filters_;
  std::vector<std::vector<float>> signals_;  // [lead], from sample first_ on, at the recipe's rate
  std::int64_t first_ = 0;
  bool finished_ = false;
  RhythmTracker rhythm_;
  std::deque<PendingBeat> beats_;       // those not yet taken, and those before that describe the patient
  bool first_is_here_ = true;    // whether the recording's first beat is among them
  std::size_t next_to_cut_ = 0;  // indices into beats_
  std::size_t next_to_take_ = 0;
};

}  // namespace sec::train
