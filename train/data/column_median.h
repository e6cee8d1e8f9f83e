// The median of each column of a small table. Computes the patient's median beat, sample by sample.
#pragma once

#include <span>

namespace sec::train {

// Sets out[t] to the median of rows[0][t], rows[1][t], ….
// For an even number of rows it is the mean of the two middle values.
// There must be at least one row, and each must have out.size() finite values.
void column_medians(std::span<const float* const> rows, std::span<float> out);

}  // namespace sec::train
