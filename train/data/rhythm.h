// The rhythm around a beat: RR intervals, and their running means over the beats before.
// Measures compare intervals with these means. They use past beats and the interval to the next beat,
// which shows the pause after a premature beat. A decision is thus one beat late.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sec::train {

// The RR intervals around a beat, and running statistics of the intervals before it.
// Without an earlier interval, every statistic is rr, and the standard deviation is 0.
struct BeatRhythm {
  double interval = 0;  // s since the beat before; the first beat has the interval of the second
  double rr = 0;        // `interval` clipped to [0.2, 3] s, as all values below
  double next = 0;      // s to the next beat; rr for the last beat
  double previous = 0;  // s, the interval before rr
  double mean10 = 0;    // s, mean of the 10 intervals before rr
  double mean32 = 0;    // s, mean of the 32 intervals before rr
  double mean = 0;      // s, mean of all intervals before rr
  double spread32 = 0;  // s, standard deviation of the 32 intervals before rr
};

// Tracks the rhythm of beats that arrive one by one, in constant memory.
class RhythmTracker {
 public:
  // Adds a beat at `time` (s), not before the last one.
  // Returns the rhythm of the beat before it, which is now complete.
  std::optional<BeatRhythm> add(double time);
  // The rhythm of the last beat as if no beat followed. There must be at least one beat.
  BeatRhythm last() const;

 private:
  BeatRhythm describe(double next) const;
  void remember();
  double past(std::int64_t back) const;       // s, the known interval `back` beats ago; 0 is the latest
  double mean_of_last(std::int64_t n) const;  // s, of the last n known intervals; there is at least one

  static constexpr std::int64_t kept = 32;
  std::int64_t beats_ = 0;
  double time_ = 0;                  // s, time of the last beat
  double interval_ = 0.8;            // s, interval before the last beat; 0.8 if it is the only beat
  std::array<double, kept> past_{};  // s, the last known intervals, clipped; interval i is at i modulo `kept`
  std::int64_t known_ = 0;           // number of known intervals, which is that of all beats but the last
  double sum_ = 0;                   // s, sum of all known intervals, clipped
};

// The rhythm of all beats of a record, from their times (s) in ascending order.
std::vector<BeatRhythm> rhythm_of(std::span<const double> times);

// One number about the rhythm of a beat, which input.rhythm names.
//   "A/B"       log of the interval A (rr, next, previous) divided by B (rr, previous, mean10, mean32, mean),
//               clipped to [-1, 1]
//   "tscore32"  by how many standard deviations rr exceeds mean32, clipped to [-4, 4], divided by 4.
//               The deviation is increased by 0.02 mean32, so that a steady rhythm gives no extremes
struct RhythmMeasure {
  double BeatRhythm::*interval = nullptr;
  double BeatRhythm::*reference = nullptr;  // null: the t-score

  float of(const BeatRhythm& beat) const;
};

// The measures of these names, in order. Throws Error on an unknown name.
std::vector<RhythmMeasure> parse_measures(const std::vector<std::string>& names);

// The number of covariates in groups, which recipes name; `beats` is the number of beats in a sequence.
//   "rhythm"     the measures of the middle beat
//   "intervals"  2: logs of rr and next divided by the mean of all intervals before, for each beat of a sequence
// Throws Error on an unknown group.
std::int64_t covariate_count(const std::vector<std::string>& groups, std::size_t measures,
                             std::int64_t beats = 1);

// The covariates of a sequence of one or more beats.
std::vector<float> covariates_of(std::span<const BeatRhythm> sequence, const std::vector<std::string>& groups,
                                 const std::vector<RhythmMeasure>& measures);

// What each of these covariates says, for people; `measures` are those of input.rhythm.
std::vector<std::string> covariate_names(const std::vector<std::string>& groups,
                                         const std::vector<std::string>& measures, std::int64_t beats = 1);

// The same patient's rhythm at a beat in time: all intervals around it are the mean. The spread is kept.
BeatRhythm undisturbed(const BeatRhythm& beat);

}  // namespace sec::train
