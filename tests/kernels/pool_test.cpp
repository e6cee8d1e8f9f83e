#include <limits>

#include "tests/kernels/kernel_test.h"

namespace sec::kernels {
namespace {

// The pools of the baselines (k / stride / pad of 3 / 2 / 1, 2 / 2, 16 / 16, 8 / 8 / 2), and unusual shapes.
const PoolShape shapes[] = {
    {.n = 2, .l = 100, .h = 1, .c = 64, .k = 3, .stride = 2, .pad = 1},
    {.n = 2, .l = 33, .h = 1, .c = 16, .k = 2, .stride = 2},
    {.n = 1, .l = 361, .h = 8, .c = 32, .k = 16, .stride = 16},
    {.n = 3, .l = 30, .h = 1, .c = 17, .k = 8, .stride = 8, .pad = 2},
    {.n = 2, .l = 19, .h = 3, .c = 5, .k = 4, .stride = 1, .pad = 2},
    {.n = 2, .l = 20, .h = 1, .c = 3, .k = 2, .stride = 3},
    {.n = 1, .l = 1, .h = 1, .c = 1, .k = 1},
    {.n = 2, .l = 2, .h = 1, .c = 7, .k = 4, .stride = 2, .pad = 1},
};

std::string name_of(const PoolShape& s) {
  return fmt::format("{} x {} x {} x {}, {} / {} / {}", s.n, s.l, s.h, s.c, s.k, s.stride, s.pad);
}

class Pool : public Kernels {};

TEST_P(Pool, MaxEqualsTheReferenceAndFiniteDifferences) {
  for (const PoolShape& s : shapes) {
    const Values x = random_values(s.n * s.l * s.h * s.c, 1, -2,
                                   -1);  // below 0: zero padding must not win
    const std::int64_t count = s.n * s.l_out() * s.h * s.c;
    const Values gy = random_values(count, 2);
    Tensor y = result(count);
    Tensor position = Tensor::empty({count}, DType::i32, GetParam().device);
    kernels().pool.max(stream(), s, tensor(x).read(), y.write(), position.write());
    const auto expected = reference::max_pool(s, x);
    expect_close(floats_of(y), expected.y, 1e-30, 0, name_of(s));
    EXPECT_EQ(integers_of(position), expected.position) << name_of(s);
    Tensor gx = result(s.n * s.l * s.h * s.c);
    kernels().pool.max_backward(stream(), s, tensor(gy).read(), position.read(), gx.write());
    expect_close(floats_of(gx), reference::max_pool_backward(s, gy, expected.position), 4 * unit, 4 * unit,
                 name_of(s) + ", gx");
    // Within most windows elements are at least 1e-7 apart, so a smaller step keeps their order.
    // The gradients at the few other windows are within the tolerance.
    expect_gradient(
        floats_of(gx), x, [&](const Values& v) { return dot(gy, reference::max_pool(s, v).y); },
        name_of(s) + ", gx", 1e-5, 1e-8);
  }
}

TEST_P(Pool, TiesGoToTheEarliestAndNaNWins) {
  const PoolShape s{.n = 1, .l = 8, .h = 1, .c = 1, .k = 4, .stride = 4};
  const double infinity = std::numeric_limits<double>::infinity();
  Tensor y = result(2);
  Tensor position = Tensor::empty({2}, DType::i32, GetParam().device);
  kernels().pool.max(stream(), s,
                     tensor(Values{1, 2, 2, 1, -infinity, -infinity, -infinity, -infinity}).read(), y.write(),
                     position.write());
  EXPECT_EQ(integers_of(position), (Integers{1, 4}));
  EXPECT_EQ(floats_of(y)[1], -infinity);
  kernels().pool.max(stream(), s,
                     tensor(Values{1, std::nan(""), 2, std::nan(""), 0, 0, 0, std::nan("")}).read(),
                     y.write(), position.write());
  EXPECT_EQ(integers_of(position), (Integers{1, 7}));
  EXPECT_TRUE(std::isnan(floats_of(y)[0]));
}

TEST_P(Pool, AverageEqualsTheReferenceAndFiniteDifferences) {
  for (const PoolShape& s : shapes) {
    const Values x = random_values(s.n * s.l * s.h * s.c, 1);
    const std::int64_t count = s.n * s.l_out() * s.h * s.c;
    const Values gy = random_values(count, 2);
    Tensor y = result(count);
    kernels().pool.average(stream(), s, tensor(x).read(), y.write());
    expect_close(floats_of(y), reference::average_pool(s, x), 8 * unit, 4 * unit, name_of(s));
    Tensor gx = result(s.n * s.l * s.h * s.c);
    kernels().pool.average_backward(stream(), s, tensor(gy).read(), gx.write());
    expect_close(floats_of(gx), reference::average_pool_backward(s, gy), 8 * unit, 4 * unit,
                 name_of(s) + ", gx");
    expect_gradient(
        floats_of(gx), x, [&](const Values& v) { return dot(gy, reference::average_pool(s, v)); },
        name_of(s) + ", gx");
  }
}

TEST_P(Pool, GlobalAverage) {
  for (const GlobalPoolShape s :
       {GlobalPoolShape{3, 2480, 32}, {2, 20, 256}, {1, 1, 1}, {3, 7, 5}, {2, 9001, 3}}) {
    const std::string name = fmt::format("{} x {} x {}", s.n, s.positions, s.c);
    const Values x = random_values(s.n * s.positions * s.c, 1);
    const Values gy = random_values(s.n * s.c, 2);
    Tensor y = result(s.n * s.c);
    kernels().pool.global_average(stream(), s, tensor(x).read(), y.write());
    // Sums of blocks of B rows err by unit * B / 2 at worst. Blocks and means are summed in double precision.
    expect_close(floats_of(y), reference::global_average(s, x), 16 * unit, 4 * unit, name);
    Tensor gx = result(s.n * s.positions * s.c);
    kernels().pool.global_average_backward(stream(), s, tensor(gy).read(), gx.write());
    expect_close(floats_of(gx), reference::global_average_backward(s, gy), 1e-30, unit, name + ", gx");
    expect_gradient(
        floats_of(gx), x, [&](const Values& v) { return dot(gy, reference::global_average(s, v)); },
        name + ", gx");
  }
}

TEST_P(Pool, RefusesPaddingWiderThanHalfTheWindow) {
  Tensor x = tensor(Values(8, 0.0));
  Tensor y = result(10);
  EXPECT_THROW(
      kernels().pool.average(stream(), {.n = 1, .l = 8, .h = 1, .c = 1, .k = 3, .stride = 1, .pad = 2},
                             x.read(), y.write()),
      Error);
}

TEST_P(Pool, SameBitsForAnyNumberOfThreads) {
  const PoolShape s{.n = 2, .l = 1001, .h = 3, .c = 33, .k = 5, .stride = 2, .pad = 2};
  const Values x = random_values(s.n * s.l * s.h * s.c, 1);
  const std::int64_t count = s.n * s.l_out() * s.h * s.c;
  expect_same_bits_for_any_threads(
      [&] {
        Tensor most = result(count);
        Tensor position = Tensor::empty({count}, DType::i32, GetParam().device);
        Tensor mean = result(count);
        Tensor gx = result(s.n * s.l * s.h * s.c);
        Tensor global = result(s.n * s.c);
        kernels().pool.max(stream(), s, tensor(x).read(), most.write(), position.write());
        kernels().pool.max_backward(stream(), s, most.read(), position.read(), gx.write());
        kernels().pool.average(stream(), s, tensor(x).read(), mean.write());
        kernels().pool.global_average(stream(), {s.n, s.l * s.h, s.c}, tensor(x).read(), global.write());
        return std::vector{floats_of(most), floats_of(mean), floats_of(gx), floats_of(global)};
      },
      "pools");
}

SEC_ON_ALL_TARGETS(Pool);

}  // namespace
}  // namespace sec::kernels
