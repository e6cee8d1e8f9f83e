#include <cstring>
#include <limits>

#include "tests/kernels/kernel_test.h"

namespace sec::kernels {
namespace {

// Less than a vector; vectors and a remainder; several blocks and a remainder.
const std::int64_t counts[] = {1, 3, 64, 1003, 70001};

constexpr double infinity = std::numeric_limits<double>::infinity();

class Pointwise : public Kernels {};

TEST_P(Pointwise, Relu) {
  for (const std::int64_t count : counts) {
    const Values x = random_values(count, 1);
    const Values gy = random_values(count, 2);
    Tensor y = result(count);
    Tensor gx = result(count);
    kernels().pointwise.relu(stream(), tensor(x).read(), y.write());
    kernels().pointwise.relu_backward(stream(), tensor(x).read(), tensor(gy).read(), gx.write());
    expect_close(floats_of(y), reference::relu(x), 1e-30, 0, "relu");  // exact
    expect_close(floats_of(gx), reference::relu_backward(x, gy), 1e-30, 0, "relu backward");
  }
  Tensor at_zero = tensor(Values{0, -0.0, std::nan("")});
  Tensor g = result(3);
  kernels().pointwise.relu_backward(stream(), at_zero.read(), tensor(Values{1, 1, 1}).read(), g.write());
  EXPECT_EQ(floats_of(g)[0], 0);
  EXPECT_EQ(floats_of(g)[1], 0);
  kernels().pointwise.relu(stream(), at_zero.read(), at_zero.write());  // y = x: in place
  EXPECT_TRUE(std::isnan(floats_of(at_zero)[2])) << "relu hides NaN";
}

TEST_P(Pointwise, Sigmoid) {
  for (const std::int64_t count : counts) {
    const Values x = random_values(count, 1, -20, 20);
    const Values gy = random_values(count, 2);
    Tensor y = result(count);
    kernels().pointwise.sigmoid(stream(), tensor(x).read(), y.write());
    // exp has two relative errors: unit * |x| / 2 from reducing its argument, and that of its polynomial.
    expect_close(floats_of(y), reference::sigmoid(x), 1e-37, 16 * unit, "sigmoid");
    Tensor gx = result(count);
    kernels().pointwise.sigmoid_backward(stream(), y.read(), tensor(gy).read(), gx.write());
    // 1 - y has an absolute error of `unit`.
    expect_close(floats_of(gx), reference::sigmoid_backward(x, gy), 4 * unit, 32 * unit, "sigmoid backward");
    expect_gradient(
        floats_of(gx), x, [&](const Values& v) { return dot(gy, reference::sigmoid(v)); }, "sigmoid");
  }
  Tensor y = result(6);
  kernels().pointwise.sigmoid(
      stream(), tensor(Values{1e4, -1e4, infinity, -infinity, 0, std::nan("")}).read(), y.write());
  const auto got = floats_of(y);
  EXPECT_EQ(got[0], 1);
  EXPECT_NEAR(got[1], 0, 1e-37);
  EXPECT_EQ(got[2], 1);
  EXPECT_NEAR(got[3], 0, 1e-37);
  EXPECT_EQ(got[4], 0.5F);
  EXPECT_TRUE(std::isnan(got[5]));
}

TEST_P(Pointwise, AddAndAccumulate) {
  for (const std::int64_t count : counts) {
    const Values a = random_values(count, 1);
    const Values b = random_values(count, 2);
    Values sum = a;
    for (std::int64_t i = 0; i < count; ++i) {
      sum[i] += b[i];
    }
    Tensor y = result(count);
    kernels().pointwise.add(stream(), tensor(a).read(), tensor(b).read(), y.write());
    expect_close(floats_of(y), sum, 0, unit, "add");
    Tensor into = tensor(a);
    kernels().pointwise.accumulate(stream(), tensor(b).read(), into.write());
    EXPECT_EQ(floats_of(into), floats_of(y));
  }
}

TEST_P(Pointwise, CastRoundsToNearestEven) {
  Values x = random_values(5003, 1, -1000, 1000);
  // Ties, the largest finite number (which rounds to infinity), infinities, NaN and -0.
  for (const double v :
       {1.00390625, 1.01171875, 3.4028234663852886e38, infinity, -infinity, std::nan(""), -0.0}) {
    x.push_back(v);
  }
  const auto count = static_cast<std::int64_t>(x.size());
  Tensor half = Tensor::empty({count}, DType::bf16, GetParam().device);
  Tensor back = result(count);
  kernels().pointwise.cast(stream(), tensor(x).read(), half.write());
  kernels().pointwise.cast(stream(), half.read(), back.write());
  const auto got = floats_of(back);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto expected = static_cast<float>(bf16(static_cast<float>(x[i])));
    EXPECT_EQ(std::bit_cast<std::uint32_t>(got[i]), std::bit_cast<std::uint32_t>(expected)) << x[i];
  }
  EXPECT_EQ(got[5003], 1.0F);       // halfway between 1 and 1.0078125: rounds to even
  EXPECT_EQ(got[5004], 1.015625F);  // halfway between 1.0078125 and 1.015625: rounds to even
  Tensor copy = result(count);
  kernels().pointwise.cast(stream(), tensor(x).read(), copy.write());
  EXPECT_EQ(floats_of(copy)[17], static_cast<float>(x[17]));
}

TEST_P(Pointwise, OnlyCastTakesBf16) {
  Tensor half = Tensor::empty({8}, DType::bf16, GetParam().device);
  Tensor y = result(8);
  EXPECT_THROW(kernels().pointwise.relu(stream(), half.read(), y.write()), Error);
  EXPECT_THROW(kernels().pointwise.add(stream(), y.read(), half.read(), y.write()), Error);
  EXPECT_THROW(kernels().pointwise.accumulate(stream(), y.read(), half.write()), Error);
}

TEST_P(Pointwise, Gate) {
  for (const GateShape s :
       {GateShape{3, 40, 32}, {2, 2480, 32}, {4, 20, 256}, {3, 7, 5}, {1, 1, 1}, {2, 9001, 3}}) {
    const std::string name = fmt::format("{} x {} x {}", s.n, s.positions, s.c);
    const Values x = random_values(s.n * s.positions * s.c, 1);
    const Values factor = random_values(s.n * s.c, 2);
    const Values gy = random_values(s.n * s.positions * s.c, 3);
    Tensor y = result(s.n * s.positions * s.c);
    kernels().pointwise.gate(stream(), s, tensor(x).read(), tensor(factor).read(), y.write());
    expect_close(floats_of(y), reference::gate(s, x, factor), 1e-30, unit, name);
    Tensor gx = result(s.n * s.positions * s.c);
    Tensor ggate = result(s.n * s.c);
    kernels().pointwise.gate_backward(stream(), s, tensor(x).read(), tensor(factor).read(), tensor(gy).read(),
                                      gx.write(), ggate.write());
    const auto expected = reference::gate_backward(s, x, factor, gy);
    expect_close(floats_of(gx), expected.gx, 1e-30, unit, name + ", gx");
    expect_close(floats_of(ggate), expected.ggate, 2 * unit * static_cast<double>(s.positions + 8), 4 * unit,
                 name + ", ggate");
    expect_gradient(
        floats_of(ggate), factor, [&](const Values& v) { return dot(gy, reference::gate(s, x, v)); },
        name + ", ggate");
    expect_gradient(
        floats_of(gx), x, [&](const Values& v) { return dot(gy, reference::gate(s, v, factor)); },
        name + ", gx");
  }
}

TEST_P(Pointwise, CopyColumnsLeavesTheOthers) {
  const std::int64_t rows = 5000;
  const Values x = random_values(rows * 7, 1);
  const Values before = random_values(rows * 11, 2);
  Values expected = before;
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < 4; ++c) {
      expected[r * 11 + 6 + c] = x[r * 7 + 2 + c];
    }
  }
  Tensor y = tensor(before);
  kernels().pointwise.copy_columns(stream(), rows, 4, tensor(x).read(), 7, 2, y.write(), 11, 6);
  expect_close(floats_of(y), expected, 1e-30, 0, "copy_columns");
  EXPECT_THROW(kernels().pointwise.copy_columns(stream(), rows, 4, tensor(x).read(), 7, 4, y.write(), 11, 6),
               Error);
}

TEST_P(Pointwise, RandomNumbersAreThoseOfPhilox) {
  const RandomKey key{0x123456789abcdef0, 77, 5};
  for (const std::int64_t count : counts) {
    Tensor y = result(count);
    kernels().pointwise.fill_uniform(stream(), key, 0, 1, y.write());
    const auto u = floats_of(y);
    for (std::int64_t e = 0; e < count; ++e) {
      ASSERT_EQ(u[e], uniform(key, e)) << e;
    }
    kernels().pointwise.fill_uniform(stream(), key, -0.3F, 0.3F, y.write());
    const auto scaled = floats_of(y);
    for (std::int64_t e = 0; e < count; ++e) {
      const volatile float product = (0.3F - -0.3F) * u[e];  // rounded before the sum, as on every device
      ASSERT_EQ(scaled[e], -0.3F + product) << e;
    }
    const Values x = random_values(count, 3);
    for (const float p : {0.0F, 0.2F, 0.9F}) {
      kernels().pointwise.dropout(stream(), p, key, tensor(x).read(), y.write());
      expect_close(floats_of(y), reference::dropout(p, key, x), 1e-30, 4 * unit, "dropout");
    }
  }
  // RandomKey::step_at: the step is in device memory, and every call reads it again.
  const Values x = random_values(5000, 3);
  Tensor step = tensor(Integers{0});
  const RandomKey read{key.seed, 0, key.operation, static_cast<const std::uint32_t*>(step.read().data)};
  for (const std::int32_t now : {77, 78}) {
    copy_bytes(stream(), step.write().data, step.device(), &now, Device::cpu, sizeof now);
    const RandomKey given{key.seed, static_cast<std::uint32_t>(now), key.operation};
    Tensor expected = result(5000);
    Tensor got = result(5000);
    kernels().pointwise.dropout(stream(), 0.2F, given, tensor(x).read(), expected.write());
    kernels().pointwise.dropout(stream(), 0.2F, read, tensor(x).read(), got.write());
    EXPECT_EQ(floats_of(got), floats_of(expected)) << now;
  }
  Tensor y = result(4);
  EXPECT_THROW(kernels().pointwise.dropout(stream(), 1.0F, key, y.read(), y.write()), Error);
}

TEST_P(Pointwise, SameBitsForAnyNumberOfThreads) {
  const GateShape s{2, 9001, 5};
  const std::int64_t count = s.n * s.positions * s.c;
  const Values x = random_values(count, 1);
  const Values gy = random_values(count, 2);
  const Values factor = random_values(s.n * s.c, 3);
  expect_same_bits_for_any_threads(
      [&] {
        Tensor gx = result(count);
        Tensor ggate = result(s.n * s.c);
        Tensor dropped = result(count);
        Tensor y = result(count);
        kernels().pointwise.gate_backward(stream(), s, tensor(x).read(), tensor(factor).read(),
                                          tensor(gy).read(), gx.write(), ggate.write());
        kernels().pointwise.dropout(stream(), 0.3F, {1, 2, 3}, tensor(x).read(), dropped.write());
        kernels().pointwise.sigmoid(stream(), tensor(x).read(), y.write());
        return std::vector{floats_of(gx), floats_of(ggate), floats_of(dropped), floats_of(y)};
      },
      "pointwise");
}

SEC_ON_ALL_TARGETS(Pointwise);

}  // namespace
}  // namespace sec::kernels
