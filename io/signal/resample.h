// Change of sampling rate by a rational factor.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace sec::io {

// up / down in lowest terms.
struct RateRatio {
  std::int64_t up = 1;
  std::int64_t down = 1;
};

// The ratio to / from of two rates in Hz. Throws Error unless both are positive and the ratio is one of whole
// numbers up to 10,000.
RateRatio rate_ratio(double from, double to);

// ceil(n * up / down) samples, output j standing at the time of input j * down / up. The low-pass is a sinc
// at the lower of the two Nyquist frequencies under a Kaiser window with beta = 5, reaching over 10 zero
// crossings each way; the end samples are repeated beyond the ends. As
// scipy.signal.resample_poly(signal, up, down, padtype="edge"). A sample that is not finite spoils those
// around it: fill such samples first.
std::vector<float> resample(std::span<const float> signal, RateRatio ratio);

// The same bits from a signal that comes in pieces, in memory that does not grow with its length. An output
// is made when the inputs under its low-pass are there: 10 samples of the lower rate late.
class Resampler {
 public:
  explicit Resampler(RateRatio ratio);  // throws Error as resample() does

  // Append what can be made by now, or all that is left. No sample follows finish().
  void push(std::span<const float> samples, std::vector<float>& output);
  void finish(std::vector<float>& output);

 private:
  void make(std::int64_t count, std::vector<float>& output);

  std::int64_t up_;
  std::int64_t down_;
  std::int64_t half_;
  std::int64_t width_;
  std::vector<float> phases_;  // (up, width): the taps of each phase, as they run along the input
  std::vector<float> buffer_;  // the inputs from number first_ on
  std::int64_t first_ = 0;
  std::int64_t received_ = 0;
  std::int64_t made_ = 0;
};

// Where a sample number of the old rate lies in the new one, rounded.
std::int64_t resampled_position(std::int64_t sample, RateRatio ratio);

}  // namespace sec::io
