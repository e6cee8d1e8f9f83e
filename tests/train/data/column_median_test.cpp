#include "train/data/column_median.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "engine/philox.h"

namespace sec::train {
namespace {

float middle_of(std::vector<float> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

TEST(ColumnMedian, EqualsSortingEachColumn) {
  for (const std::size_t columns : {1U, 31U, 32U, 33U, 144U}) {
    for (std::size_t count = 1; count <= 70; ++count) {
      std::vector<std::vector<float>> table(count, std::vector<float>(columns));
      std::vector<const float*> rows;
      for (std::size_t j = 0; j < count; ++j) {
        for (std::size_t t = 0; t < columns; ++t) {
          // Rounded values, so that ties are common.
          table[j][t] = static_cast<float>(random_word({7, 0, static_cast<std::uint32_t>(j)}, t) % 23) - 11;
        }
        rows.push_back(table[j].data());
      }
      std::vector<float> medians(columns);
      column_medians(rows, medians);
      for (std::size_t t = 0; t < columns; ++t) {
        std::vector<float> column;
        for (const auto& row : table) {
          column.push_back(row[t]);
        }
        ASSERT_EQ(medians[t], middle_of(column)) << count << " rows, column " << t;
      }
    }
  }
}

}  // namespace
}  // namespace sec::train
