// Resampling with the discrete Fourier transform, as in the released Tianchi recipe (5000 to 2048 samples).
// The DFT treats the signal as periodic, so a jump between its ends causes ringing at both.
// The polyphase filter in resample.h has no such edge effect.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace sec::io {

// Resamples the signal to `count` equally spaced samples over the same duration.
// Truncates or zero-pads the spectrum at the lower of the two Nyquist frequencies, then transforms back.
// Equivalent to scipy.signal.resample(signal, count), computed in double precision.
// Throws Error unless both lengths are positive.
std::vector<float> fourier_resample(std::span<const float> signal, std::int64_t count);

}  // namespace sec::io
