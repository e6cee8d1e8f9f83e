#include "layers/dropout.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/layers/check_layer.h"

namespace sec::layers {
namespace {

TEST(Dropout, EqualsDoublePrecisionForwardAndBackward) {
  ParameterSet none;
  check_layer(
      none, {random_array({2, 7, 3, 5}, 1)},
      [](Pass& pass, const std::vector<Var>& in) { return dropout(pass, 0.3, in[0]); },
      [](const auto& in, const auto&) {
        return plain::dropout(in[0], 0.3, {7, 3, 0});
      });
}

TEST(Dropout, DrawsOtherNumbersForEveryUseStepAndSeed) {
  const Tensor ones = to_tensor({{1, 100, 1, 1}, std::vector<double>(100, 1)});
  const auto mask = [&](Pass pass) { return dropout(pass, 0.5, ones).value.to_vector(cpu); };
  const Pass first{cpu, nullptr, true, 1, 1, 0};
  EXPECT_EQ(mask(first), mask(first));
  EXPECT_NE(mask(first), mask({cpu, nullptr, true, 1, 1, 1}));
  EXPECT_NE(mask(first), mask({cpu, nullptr, true, 1, 2, 0}));
  EXPECT_NE(mask(first), mask({cpu, nullptr, true, 2, 1, 0}));
  Pass pass = first;
  const std::vector<float> one = dropout(pass, 0.5, ones).value.to_vector(cpu);
  EXPECT_NE(one, dropout(pass, 0.5, ones).value.to_vector(cpu));
  EXPECT_EQ(pass.next_operation, 2U);
}

TEST(Dropout, KeepsTheMean) {
  const std::int64_t count = 100000;
  const Tensor ones = to_tensor({{count}, std::vector<double>(count, 1)});
  Pass pass{cpu, nullptr, true, 11};
  double sum = 0;
  for (const float value : dropout(pass, 0.2, ones).value.to_vector(cpu)) {
    EXPECT_TRUE(value == 0 || value == 1.25F) << value;
    sum += value;
  }
  // Each element has variance p / (1 - p) = 0.25, so the mean has a standard error of 0.0016.
  // Allow five times the standard error.
  EXPECT_NEAR(sum / count, 1, 0.008);
}

TEST(Dropout, IsTheInputItselfOutsideTraining) {
  const Tensor x = to_tensor(random_array({4, 4}, 1));
  Pass evaluation{cpu};
  EXPECT_EQ(dropout(evaluation, 0.5, x).value.read().data, x.read().data);
  Pass training{cpu, nullptr, true};
  EXPECT_EQ(dropout(training, 0, x).value.read().data, x.read().data);
}

TEST(Dropout, RefusesProbabilitiesOutOfRange) {
  Pass pass{cpu, nullptr, true};
  const Tensor x = to_tensor(random_array({4}, 1));
  for (const double p : {-0.1, 1.0, std::nan("")}) {
    EXPECT_NE(error_of([&] { dropout(pass, p, x); }), "") << p;
  }
}

}  // namespace
}  // namespace sec::layers
