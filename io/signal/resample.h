// Resampling by a rational factor.
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

// The ratio to / from of two sampling rates in Hz.
// Throws Error unless both are positive and the ratio is one of whole numbers up to 10,000.
RateRatio rate_ratio(double from, double to);

// Returns ceil(n * up / down) samples; output j is at the time of input j * down / up.
// The low-pass filter cuts at the lower of the two Nyquist frequencies. It is a sinc with a Kaiser window
// (beta = 5) over 10 zero crossings per side. The end samples are repeated beyond the ends.
// Equivalent to scipy.signal.resample_poly(signal, up, down, padtype="edge").
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

  std::int64_t up_;
  std::int64_t down_;
  std::int64_t half_;
  std::int64_t width_;
  std::vector<float> phases_;  // (up, width): the filter taps of each phase, in input order
  std::vector<float> buffer_;  // the inputs from number first_ onwards
  std::int64_t first_ = 0;
  std::int64_t received_ = 0;
  std::int64_t made_ = 0;
};

// The position in the resampled signal of an input sample, rounded to the nearest sample.
std::int64_t resampled_position(std::int64_t sample, RateRatio ratio);

}  // namespace sec::io
