// Rhythm features: covariates for the network's head from the intervals between beats.
// They use past beats and the interval to the next beat, which shows the pause after a premature beat.
// A decision is thus one beat late.
#pragma once

#include <array>
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

// For each value x[i] the quantile q of the values x[i - past .. i - 1] before it.
// The first value is its own quantile.
std::vector<double> past_quantile(std::span<const double> x, std::int64_t past, double q);

// The RR intervals around a beat, and running statistics of the intervals before it.
struct BeatRhythm {
  double interval = 0;         // s since the beat before; the first beat has the interval of the second
  double rr = 0;               // `interval` clipped to [0.2, 3] s, as all values below
  double next = 0;             // s to the next beat; rr for the last beat
  double previous = 0;         // s, the interval before rr
  double second_previous = 0;  // s, the interval before `previous`
  double median8 = 0;          // s, median of the 8 intervals before rr
  double usual = 0;            // s, upper quartile of the 256 intervals before rr: that of undisturbed beats
  double change32 =
      0;  // median of |rr - previous| over the 32 beats before, divided by the median of their rr
  double change128 =
      0;  // median of |rr - previous| over the 128 beats before, divided by the median of their rr
  double change16 = 0;      // median change between the last 17 intervals, divided by the median of 32
  double deviation32 = 0;   // median absolute deviation of 32 intervals, divided by their median
  double deviation256 = 0;  // median absolute deviation of 256 intervals, divided by their median
  std::array<double, 15> last = {};  // rr and the 14 intervals before it, oldest first; the first is repeated
};

// Tracks the rhythm of beats that arrive one by one.
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
  double change_ = 0;       // |rr - previous| of the last beat
  std::int64_t known_ = 0;  // number of beats in the statistics, which is all but the last
  PastQuantile rr8_{8}, rr32_{32}, rr128_{128}, rr256_{256}, change32_{32}, change128_{128};
};

// The rhythm of all beats of a record, from their times (s) in ascending order.
std::vector<BeatRhythm> rhythm_of(std::span<const double> times);

// The number of covariates in groups, which recipes name; `beats` is the number of beats in a sequence.
//   "ratios"        8: logs of rr, next, previous and second_previous divided by median8 and by usual
//   "irregularity"  5: logs of the relative variations
//   "prematurity"   4: how early beats come in units of the usual variation: rr against median8 and usual,
//                      next against median8, previous against usual
//   "regular"       5: prematurity weighted by the regularity of the rhythm.
//                   The regularity is high in sinus rhythm and low in atrial fibrillation
//   "hinges"       13: prematurity above thresholds
//   "intervals"     2: logs of rr and next divided by usual, for each beat of a sequence
// Throws Error on an unknown group.
std::int64_t covariate_count(const std::vector<std::string>& groups, std::int64_t beats = 1);

// What each of these covariates says, for people: "RR against the last 8, log".
std::vector<std::string> covariate_names(const std::vector<std::string>& groups, std::int64_t beats = 1);

// The covariates of the middle beat of a sequence of one or more beats.
std::vector<float> covariates_of(std::span<const BeatRhythm> sequence,
                                 const std::vector<std::string>& groups);
inline std::vector<float> covariates_of(const BeatRhythm& beat, const std::vector<std::string>& groups) {
  return covariates_of({&beat, 1}, groups);
}

// A rhythm strip: an input row that shows the rhythm beside the leads.
// It has segments of equal length over the window, and one constant value per segment.
enum class StripKind {
  measures,   // 12 segments: prematurity, log ratios and variation
  tachogram,  // 16 segments: logs of the last 15 intervals and the next one, divided by the usual interval
};
std::int64_t strip_size(StripKind kind);                              // number of segments
std::vector<float> strip_of(const BeatRhythm& beat, StripKind kind);  // (segments)
std::vector<std::string> strip_names(StripKind kind);                 // (segments), what each says

// The same patient's rhythm at a beat in time: all intervals around it are the usual one. The variation is kept.
BeatRhythm undisturbed(const BeatRhythm& beat);

}  // namespace sec::train
