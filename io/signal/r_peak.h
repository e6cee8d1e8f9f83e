// Locates the R peak within a QRS complex.
#pragma once

#include <cstdint>
#include <span>

namespace sec::io {

// The index of the R peak in `signal` (finite samples at `rate` Hz).
// The signal contains a QRS complex around index `middle`, with 150 ms on either side where available.
std::int64_t r_peak_near(std::span<const float> signal, std::int64_t middle, double rate);

}  // namespace sec::io
