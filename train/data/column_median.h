// The median of each column of a small table: the patient's usual beat, sample by sample.
#pragma once

#include <span>

namespace sec::train {

// out[t] is the median of rows[0][t], rows[1][t], …; of an even number of rows, the mean of the two middle
// values. There is at least one row, each has out.size() finite values.
void column_medians(std::span<const float* const> rows, std::span<float> out);

}  // namespace sec::train
