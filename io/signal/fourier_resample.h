// Change of length by the discrete Fourier transform, as the released Tianchi recipe does it (5000 to 2048).
// It takes the signal for periodic, so a jump between its ends rings at both: resample.h has no such edge.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace sec::io {

// The signal at `count` equally spaced times over the same duration: its spectrum is cut at, or filled with
// zeros up to, the lower of the two Nyquist frequencies, and transformed back. As
// scipy.signal.resample(signal, count), computed in double precision. Throws Error unless both lengths are
// positive.
std::vector<float> fourier_resample(std::span<const float> signal, std::int64_t count);

}  // namespace sec::io
