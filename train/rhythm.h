// What the times between beats say: covariates for the network's head. All of them look back only, but for
// the interval to the next beat, which a premature beat's pause shows in: a decision comes one beat late.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace sec::train {

// The quantile q (between order statistics linearly interpolated) of the at most `past` values before each
// value, x[i - past .. i - 1]; for the first value, of itself.
std::vector<double> past_quantile(std::span<const double> x, std::int64_t past, double q);

// RR intervals of a record and their running statistics, one value a beat.
struct Rhythm {
  std::vector<double> interval;  // s from the beat before; the first beat's is the second's
  std::vector<double> rr;        // the same within [0.2, 3] s, as all that follow
  std::vector<double> next;      // s to the next beat
  std::vector<double> previous;  // the interval before rr
  std::vector<double> second_previous;
  std::vector<double> median8;       // s, of the 8 intervals before rr
  std::vector<double> usual;         // s, upper quartile of the 256 before: the interval of undisturbed beats
  std::vector<double> change32;      // median of |rr - previous| over 32 beats, relative to the median rr
  std::vector<double> change128;     // and over 128
  std::vector<double> change16;      // median change within the last 17 intervals, relative
  std::vector<double> deviation32;   // median absolute deviation of the 32 intervals before, relative
  std::vector<double> deviation256;  // and of 256
};

// From the times (s) of all beats of a record, in order.
Rhythm rhythm_of(std::span<const double> times);

// Covariates come in groups, named in recipes:
//   "ratios"        8: log of rr, next, previous and second_previous against median8 and against usual
//   "irregularity"  5: logs of the relative variations
//   "prematurity"   4: how early beats come in units of the usual variation: rr against median8 and usual,
//                      next against median8, previous against usual
//   "regular"       5: prematurity that counts only where the rhythm is regular, as in sinus rhythm but not
//                      in atrial fibrillation
//   "hinges"       13: prematurity above thresholds
std::int64_t covariate_count(const std::vector<std::string>& groups);  // throws Error on an unknown group

// (beats, covariate_count), row by row.
std::vector<float> covariates_of(const Rhythm& rhythm, const std::vector<std::string>& groups);

// The rhythm as a picture that the network can see beside the leads: constant stretches of equal length over
// the window.
enum class StripKind {
  measures,   // 12: prematurity, log ratios and variation
  tachogram,  // 16: log of each of the last 15 intervals and the next one against the usual interval
};
std::int64_t strip_size(StripKind kind);
std::vector<float> strips_of(const Rhythm& rhythm, StripKind kind);  // (beats, strip_size)

}  // namespace sec::train
