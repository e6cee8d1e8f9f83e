// Where in a QRS complex the R peak is.
#pragma once

#include <cstdint>
#include <span>

namespace sec::io {

// The index of the R peak in `signal` (finite samples at `rate` Hz), which holds a QRS complex around index
// `middle` and 150 ms before and after it, as far as there is signal.
std::int64_t r_peak_near(std::span<const float> signal, std::int64_t middle, double rate);

}  // namespace sec::io
