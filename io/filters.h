// Baseline wander and DC. Both filters run over a whole lead in place and need finite samples: fill invalid
// ones first.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace sec::io {

// Replaces samples that are not finite by the last valid one before them (at the beginning: by the first
// valid one, or 0 if there is none), so that filters see no step. Returns how many.
std::int64_t hold_invalid(std::span<float> signal);

// The median of the `width` samples around each sample, the end samples repeated beyond the ends. `width` is
// odd. O(n log width): piecewise sorting, Suomela 2014 (arXiv 1406.1717). Throws Error on an even or
// non-positive width, or a sample that is not finite.
std::vector<float> running_median(std::span<const float> signal, std::int64_t width);

// De Chazal et al. 2004: a running median of 200 ms takes QRS complexes and P waves away, one of 600 ms of
// the result takes T waves away; what is left is the wander, which is subtracted, and DC with it. Windows are
// rounded to the odd number of samples next to their duration. `rate` in Hz.
void subtract_median_baseline(std::span<float> signal, double rate);

// Second-order Butterworth high-pass at `cutoff` Hz, forwards and backwards (zero phase, 6 dB down at the
// cutoff), the ends extended by point reflection over 9 samples as in scipy.signal.filtfilt. Takes DC away
// exactly. Throws Error unless 0 < cutoff < rate / 2 and there are more than 9 samples, all finite.
void high_pass(std::span<float> signal, double rate, double cutoff);

}  // namespace sec::io
