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

// Where a sample number of the old rate lies in the new one, rounded.
std::int64_t resampled_position(std::int64_t sample, RateRatio ratio);

}  // namespace sec::io
