#include "layers/pool.h"

#include <gtest/gtest.h>

#include "tests/layers/check_layer.h"

namespace sec::layers {
namespace {

struct Case {
  Shape x;
  PoolOptions options;
};

class PoolCases : public testing::TestWithParam<Case> {};

TEST_P(PoolCases, MaximumEqualsDoublePrecision) {
  const Shape x = GetParam().x;
  const PoolOptions options = GetParam().options;  // clang 14: lambdas cannot capture structured bindings
  ParameterSet none;
  check_layer(
      none, {random_array(x, 1)},
      [&](Pass& pass, const std::vector<Var>& in) { return max_pool(pass, options, in[0]); },
      [&](const auto& in, const auto&) {
        return plain::max_pool(in[0], options.k, options.stride, options.pad);
      });
}

TEST_P(PoolCases, MeanEqualsDoublePrecision) {
  const Shape x = GetParam().x;
  const PoolOptions options = GetParam().options;
  ParameterSet none;
  check_layer(
      none, {random_array(x, 1)},
      [&](Pass& pass, const std::vector<Var>& in) { return average_pool(pass, options, in[0]); },
      [&](const auto& in, const auto&) {
        return plain::average_pool(in[0], options.k, options.stride, options.pad);
      });
}

INSTANTIATE_TEST_SUITE_P(Shapes, PoolCases,
                         testing::Values(Case{{2, 8, 2, 3}, {2, 2, 0}}, Case{{2, 9, 1, 5}, {3, 2, 1}},
                                         Case{{1, 20, 2, 9}, {8, 8, 2}}, Case{{1, 7, 1, 2}, {3, 1, 1}},
                                         Case{{2, 10, 1, 3}, {2, 3, 0}}));  // no window covers some samples

TEST(Pool, GlobalMeanEqualsDoublePrecision) {
  ParameterSet none;
  check_layer(
      none, {random_array({3, 5, 2, 7}, 1)},
      [](Pass& pass, const std::vector<Var>& in) { return global_average_pool(pass, in[0]); },
      [](const auto& in, const auto&) { return plain::global_average_pool(in[0]); });
}

TEST(Pool, NamesShapesAndOptionsInItsErrors) {
  Pass pass{cpu};
  const Tensor x = Tensor::zeros(cpu, {1, 3, 1, 2});
  EXPECT_EQ(error_of([&] {
              max_pool(pass, {4, 4, 0}, x);
            }),
            "max_pool: a window of 4 with padding 0 does not fit an input (1, 3, 1, 2)");
  EXPECT_NE(error_of([&] { average_pool(pass, {2, 0, 0}, x); }), "");
  EXPECT_NE(error_of([&] { average_pool(pass, {2, 1, 2}, x); }), "");
  EXPECT_NE(error_of([&] { global_average_pool(pass, Tensor::zeros(cpu, {1, 3})); }), "");
}

}  // namespace
}  // namespace sec::layers
