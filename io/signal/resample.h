// Resampling between any two rates.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace sec::io {

// The resampling factor up / down, in lowest terms.
struct RateRatio {
  std::int64_t up = 1;
  std::int64_t down = 1;
};

// The simplest ratio within 1e-9 of to / from, two sampling rates in Hz: after 48 hours, positions are off by 0.2 ms
// at most. Throws Error unless both rates are positive and differ by a factor of 1000 at most.
RateRatio rate_ratio(double from, double to);

// Returns ceil(n * up / down) samples; output j is at the time of input j * down / up.
// The low-pass filter cuts at the lower of the two Nyquist frequencies. It is a sinc with a Kaiser window
// (beta = 5) over 10 zero crossings per side. The end samples are repeated beyond the ends.
// Equivalent to scipy.signal.resample_poly(signal, up, down, padtype="edge"). If a term of the ratio exceeds 10,000,
// the filter is tabulated at 1024 positions between two inputs and interpolated linearly, which changes no sample by more
// than 1e-6 of the signal's range. Throws Error on a term outside 1 to 2e9.
// A sample that is not finite corrupts its neighbours: replace such samples first.
std::vector<float> resample(std::span<const float> signal, RateRatio ratio);

// resample() for a stream, bitwise equal, in constant memory. The delay is 10 samples at the lower rate,
// because an output is computed once all inputs under its low-pass have arrived.
class Resampler {
 public:
  explicit Resampler(RateRatio ratio);  // throws Error like resample()

  // push() appends the outputs computable so far, finish() the remaining ones.
  // Do not call push() after finish().
  void push(std::span<const float> samples, std::vector<float>& output);
  void finish(std::vector<float>& output);

 private:
  void make(std::int64_t count, std::vector<float>& output);
  float output_at(const float* inputs, std::int64_t phase) const;

  std::int64_t up_;
  std::int64_t down_;
  std::int64_t half_;          // half of the filter's length, in units of 1 / up inputs
  std::int64_t width_;         // number of inputs that an output depends on
  bool tabulated_;             // the taps are interpolated between two rows of phases_
  std::vector<float> phases_;  // (rows, width): the taps at each position between two inputs, in input order
  std::vector<float> buffer_;  // the inputs from number first_ onwards
  std::int64_t first_ = 0;
  std::int64_t received_ = 0;
  std::int64_t made_ = 0;
};

// The position in the resampled signal of an input sample, rounded to the nearest sample.
std::int64_t resampled_position(std::int64_t sample, RateRatio ratio);

}  // namespace sec::io
