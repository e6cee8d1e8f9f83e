// Fourier resampling compared with scipy.signal.resample.
#include "io/signal/fourier_resample.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/io/files.h"

namespace sec::io {
namespace {

struct Golden {
  std::int64_t from, to, step;
  std::vector<double> values;
};

const Golden golden[] = {
#include "tests/io/signal/golden_resample.inc"
};

// The formula of tools/parity/resample_golden.py.
std::vector<float> signal(std::int64_t n) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < n; ++i) {
    const auto t = static_cast<double>(i);
    values.push_back(static_cast<float>(0.8 * std::sin(0.031 * t) + 0.1 * std::sin(1.7 * t + 1) +
                                        0.3 * std::sin(0.0007 * t * t) + 0.001 * t));
  }
  return values;
}

// Covers upsampling, downsampling, and even, odd and prime lengths. Values are of order 1 to 5.
// The golden values are exact to 5e-7, and rounding the result to f32 adds a relative error of 2e-7.
TEST(FourierResample, EqualsScipy) {
  for (const Golden& g : golden) {
    const std::vector<float> result = fourier_resample(signal(g.from), g.to);
    ASSERT_EQ(static_cast<std::int64_t>(result.size()), g.to);
    for (std::size_t i = 0; i < g.values.size(); ++i) {
      EXPECT_NEAR(result[i * g.step], g.values[i], 3e-6) << g.from << " to " << g.to << ", value " << i;
    }
  }
}

TEST(FourierResample, TheSameLengthChangesNothing) {
  const std::vector<float> x = signal(60);
  const std::vector<float> same = fourier_resample(x, 60);
  for (std::size_t i = 0; i < x.size(); ++i) {
    EXPECT_NEAR(same[i], x[i], 1e-6);
  }
  EXPECT_EQ(fourier_resample(std::vector<float>{2.5F}, 3), (std::vector<float>{2.5F, 2.5F, 2.5F}));
}

TEST(FourierResample, RefusesEmptySignals) {
  expect_error([] { fourier_resample({}, 5); }, "0 samples to 5, expected lengths above 0");
  expect_error([] { fourier_resample(signal(3), 0); }, "3 samples to 0");
}

}  // namespace
}  // namespace sec::io
