// The rhythm around a beat: RR intervals, and their running means over the beats before.
// Measures compare intervals with these means. They use past beats and the interval to the next beat,
// which shows the pause after a premature beat. A decision is thus one beat late.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sec::train {

// Running quantiles of the last `past` values.
class PastQuantile {
 public:
  explicit PastQuantile(std::size_t past) : past_(past) {}

  void push(double value);
  // The quantile q by linear interpolation between order statistics; `without` if there is no value yet.
  double at(double q, double without) const;
  std::span<const double> values() const { return values_; }  // the last values in order of time

 private:
  std::size_t past_;
  std::vector<double> values_;
  std::vector<double> sorted_;
};

// The RR intervals around a beat, and running statistics of the intervals before it.
// Without an earlier interval, every mean is rr, and the standard deviation is 0.
struct BeatRhythm {
  double interval = 0;  // s since the beat before; the first beat has the interval of the second
  double rr = 0;        // `interval` clipped to [0.2, 3] s, as all values below
  double next = 0;      // s to the next beat; rr for the last beat
  double previous = 0;  // s, the interval before rr
  double mean10 = 0;    // s, mean of the 10 intervals before rr
  double mean32 = 0;    // s, mean of the 32 intervals before rr
  double mean = 0;      // s, mean of all intervals before rr
  double spread32 = 0;  // s, standard deviation of the 32 intervals before rr
  // The irregularity of the rhythm: medians divided by the median of as many intervals.
  double change16 = 0;      // of the change between the last 17 intervals, divided by the median of 32
  double change32 = 0;      // of |rr - previous| over the 32 beats before
  double change128 = 0;     // of |rr - previous| over the 128 beats before
  double deviation32 = 0;   // of the distance of 32 intervals from their median
  double deviation256 = 0;  // of the distance of 256 intervals from their median
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

  std::int64_t beats_ = 0;
  double time_ = 0;         // s, time of the last beat
  double interval_ = 0.8;   // s, interval before the last beat; 0.8 if it is the only beat
  double change_ = 0;       // s, |rr - previous| of the last beat
  std::int64_t known_ = 0;  // number of known intervals, which is that of all beats but the last
  double sum_ = 0;          // s, sum of all known intervals, clipped
  PastQuantile rr32_{32}, rr128_{128}, rr256_{256}, change32_{32}, change128_{128};
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
//   "rhythm"        the measures of the middle beat
//   "irregularity"  5: logs of change16, deviation32, change32, change128 and deviation256 of the middle beat.
//                   They tell premature beats of a regular rhythm from the early beats of atrial fibrillation
//   "intervals"     2: logs of rr and next divided by the mean of all intervals before, for each beat of a sequence
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
