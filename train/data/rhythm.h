// What the times between beats say: covariates for the network's head. All of them look back only, but for
// the interval to the next beat, which a premature beat's pause shows in: a decision comes one beat late.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sec::train {

// Quantiles of the last `past` values.
class PastQuantile {
 public:
  explicit PastQuantile(std::size_t past) : past_(past) {}

  void push(double value);
  // Between order statistics linearly interpolated; `without` if there is no value yet.
  double at(double q, double without) const;
  std::span<const double> values() const { return values_; }  // in order of time

 private:
  std::size_t past_;
  std::vector<double> values_;
  std::vector<double> sorted_;
};

// The quantile q of the at most `past` values before each value, x[i - past .. i - 1]; for the first value,
// of itself.
std::vector<double> past_quantile(std::span<const double> x, std::int64_t past, double q);

// A beat's RR intervals and the running statistics of those before it.
struct BeatRhythm {
  double interval = 0;  // s from the beat before; the first beat's is the second's
  double rr = 0;        // the same within [0.2, 3] s, as all that follow
  double next = 0;      // s to the next beat; the last beat's is rr
  double previous = 0;  // the interval before rr
  double second_previous = 0;
  double median8 = 0;                // s, of the 8 intervals before rr
  double usual = 0;                  // s, upper quartile of the 256 before: the interval of undisturbed beats
  double change32 = 0;               // median of |rr - previous| over 32 beats, relative to the median rr
  double change128 = 0;              // and over 128
  double change16 = 0;               // median change within the last 17 intervals, relative
  double deviation32 = 0;            // median absolute deviation of the 32 intervals before, relative
  double deviation256 = 0;           // and of 256
  std::array<double, 15> last = {};  // rr and the 14 before it, the oldest first; the first beat's repeated
};

// The rhythm of beats that come one by one.
class RhythmTracker {
 public:
  // A beat at `time` (s), not before the last one. Returns the rhythm of the beat before, which is complete
  // now.
  std::optional<BeatRhythm> add(double time);
  // The rhythm of the last beat as if none came after it. There is at least one.
  BeatRhythm last() const;

 private:
  BeatRhythm describe(double next) const;
  void remember();

  std::int64_t beats_ = 0;
  double time_ = 0;         // of the last beat
  double interval_ = 0.8;   // before the last beat; this, if it is the only one
  double change_ = 0;       // |rr - previous| of the last beat
  std::int64_t known_ = 0;  // beats in the statistics: all but the last
  PastQuantile rr8_{8}, rr32_{32}, rr128_{128}, rr256_{256}, change32_{32}, change128_{128};
};

// From the times (s) of all beats of a record, in order.
std::vector<BeatRhythm> rhythm_of(std::span<const double> times);

// Covariates come in groups, named in recipes:
//   "ratios"        8: log of rr, next, previous and second_previous against median8 and against usual
//   "irregularity"  5: logs of the relative variations
//   "prematurity"   4: how early beats come in units of the usual variation: rr against median8 and usual,
//                      next against median8, previous against usual
//   "regular"       5: prematurity that counts only where the rhythm is regular, as in sinus rhythm but not
//                      in atrial fibrillation
//   "hinges"       13: prematurity above thresholds
//   "intervals"     2: logs of rr and next against usual; in a sequence of heartbeats 2 for each of them
// How many they are; `beats` of a sequence. Throws Error on an unknown group.
std::int64_t covariate_count(const std::vector<std::string>& groups, std::int64_t beats = 1);

// Of the middle one of a sequence of beats, which may be of one.
std::vector<float> covariates_of(std::span<const BeatRhythm> sequence,
                                 const std::vector<std::string>& groups);
inline std::vector<float> covariates_of(const BeatRhythm& beat, const std::vector<std::string>& groups) {
  return covariates_of({&beat, 1}, groups);
}

// The rhythm as a picture that the network can see beside the leads: constant stretches of equal length over
// the window.
enum class StripKind {
  measures,   // 12: prematurity, log ratios and variation
  tachogram,  // 16: log of each of the last 15 intervals and the next one against the usual interval
};
std::int64_t strip_size(StripKind kind);
std::vector<float> strip_of(const BeatRhythm& beat, StripKind kind);

}  // namespace sec::train
