#include <limits>

#include "tests/kernels/kernel_test.h"

namespace sec::kernels {
namespace {

constexpr std::int64_t count = 40001;  // several blocks and a rest

class Optimizers : public Kernels {};

TEST_P(Optimizers, AdamEqualsTheReferenceOverSteps) {
  for (const bool decoupled : {false, true}) {
    for (const float decay : {0.0F, 0.01F}) {
      AdamOptions options{
          .rate = 1e-3F, .weight_decay = decay, .decoupled = decoupled, .gradient_scale = 0.5F};
      Values p = random_values(count, 1);
      Values m(count, 0.0);
      Values v(count, 0.0);
      Tensor parameters = tensor(p);
      Tensor first = tensor(m);
      Tensor second = tensor(v);
      for (int step = 1; step <= 5; ++step) {
        options.step = step;
        const Values g = random_values(count, 10 + step);
        kernels().optimizer.adam(stream(), options, tensor(g).read(), parameters.write(), first.write(),
                                 second.write());
        reference::adam(options, g, p, m, v);
      }
      const std::string name = fmt::format("decoupled {}, decay {}", decoupled, decay);
      expect_close(floats_of(first), m, 8 * unit, 8 * unit, "first moment, " + name);
      expect_close(floats_of(second), v, 1e-9, 32 * unit, "second moment, " + name);
      // Each step moves a parameter by at most some 1e-3, to a few roundings of it and of the parameter.
      expect_close(floats_of(parameters), p, 16 * unit, 8 * unit, "parameters, " + name);
    }
  }
}

TEST_P(Optimizers, SgdEqualsTheReferenceOverSteps) {
  for (const SgdOptions& options :
       {SgdOptions{},
        SgdOptions{.rate = 0.1F, .momentum = 0.9F, .weight_decay = 0.01F, .gradient_scale = 0.25F},
        SgdOptions{.momentum = 0.9F, .nesterov = true}}) {
    Values p = random_values(count, 1);
    Values velocity(count, 0.0);
    Tensor parameters = tensor(p);
    Tensor moved = tensor(velocity);
    for (int step = 1; step <= 5; ++step) {
      const Values g = random_values(count, 10 + step);
      kernels().optimizer.sgd(stream(), options, tensor(g).read(), parameters.write(), moved.write());
      reference::sgd(options, g, p, velocity);
    }
    expect_close(floats_of(moved), velocity, 32 * unit, 16 * unit, "velocity");
    expect_close(floats_of(parameters), p, 32 * unit, 16 * unit, "parameters");
  }
}

TEST_P(Optimizers, MovingAverage) {
  const Values p = random_values(count, 1);
  const Values before = random_values(count, 2);
  Values expected = before;
  for (std::int64_t i = 0; i < count; ++i) {
    expected[i] = double{0.99F} * before[i] + (1 - double{0.99F}) * p[i];
  }
  Tensor average = tensor(before);
  kernels().optimizer.moving_average(stream(), 0.99F, tensor(p).read(), average.write());
  expect_close(floats_of(average), expected, 4 * unit, 4 * unit, "average");
}

TEST_P(Optimizers, SumOfSquaresIsAccurateAndShowsNonFiniteElements) {
  const auto sum_of = [&](const Values& x) {
    Tensor sum = result(1);
    kernels().optimizer.sum_of_squares(stream(), tensor(x).read(), sum.write());
    return floats_of(sum)[0];
  };
  Values x = random_values(count, 1);
  EXPECT_NEAR(sum_of(x), dot(x, x), 2 * unit * dot(x, x));
  EXPECT_EQ(sum_of({3, 4}), 25);
  EXPECT_EQ(sum_of({}), 0);
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    for (const std::int64_t where : {std::int64_t{0}, count / 2, count - 1}) {
      Values broken = x;
      broken[where] = bad;
      EXPECT_FALSE(std::isfinite(sum_of(broken)));
    }
  }
}

TEST_P(Optimizers, SameBitsForAnyNumberOfThreads) {
  const Values g = random_values(count, 2);
  expect_same_bits_for_any_threads(
      [&] {
        Tensor parameters = tensor(random_values(count, 1));
        Tensor first = tensor(random_values(count, 3));
        Tensor second = tensor(random_values(count, 4, 0, 1));
        Tensor sum = result(1);
        kernels().optimizer.adam(stream(), {}, tensor(g).read(), parameters.write(), first.write(),
                                 second.write());
        kernels().optimizer.sgd(stream(), {}, tensor(g).read(), parameters.write(), first.write());
        kernels().optimizer.sum_of_squares(stream(), parameters.read(), sum.write());
        return std::vector{floats_of(parameters), floats_of(first), floats_of(second), floats_of(sum)};
      },
      "optimizers");
}

SEC_ON_ALL_TARGETS(Optimizers);

}  // namespace
}  // namespace sec::kernels
