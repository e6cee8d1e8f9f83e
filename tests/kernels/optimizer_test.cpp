#include <limits>

#include "tests/kernels/kernel_test.h"

namespace sec::kernels {
namespace {

constexpr std::int64_t count = 40001;  // sizes for several blocks and an incomplete block

class Optimizers : public Kernels {
 protected:
  // Copies `values` to device memory, where kernels read them. Valid until the next call.
  const StepValues* on_device(const StepValues& values) {
    step_ = allocate(stream().device, sizeof values);
    copy_bytes(stream(), step_->data, stream().device, &values, Device::cpu, sizeof values);
    return static_cast<const StepValues*>(step_->data);
  }

  Tensor sum_of_squares(const Tensor& gradient) {
    Tensor sum = result(1);
    kernels().optimizer.sum_of_squares(stream(), gradient.read(), sum.write());
    return sum;
  }

 private:
  std::shared_ptr<Storage> step_;
};

TEST_P(Optimizers, AdamEqualsTheReferenceOverSteps) {
  for (const bool decoupled : {false, true}) {
    for (const float decay : {0.0F, 0.01F}) {
      // A gradient of 40,001 numbers in [-1, 1] has a norm of 115: a clip_norm of 50 clips, 200 does not.
      const AdamOptions options{
          .weight_decay = decay, .decoupled = decoupled, .clip_norm = decoupled ? 50.0F : 200.0F};
      Values p = random_values(count, 1);
      Values m(count, 0.0);
      Values v(count, 0.0);
      Tensor parameters = tensor(p);
      Tensor first = tensor(m);
      Tensor second = tensor(v);
      for (int step = 0; step < 5; ++step) {
        const double rate = 1e-3 / (step + 1);
        const Values g = random_values(count, 11 + step);
        const Tensor gradient = tensor(g);
        kernels().optimizer.adam(stream(), options, on_device(adam_values(options, rate, step)),
                                 sum_of_squares(gradient).read(), gradient.read(), parameters.write(),
                                 first.write(), second.write(), {});
        reference::adam(options, rate, step, g, p, m, v);
      }
      const std::string name = fmt::format("decoupled {}, decay {}", decoupled, decay);
      expect_close(floats_of(first), m, 8 * unit, 8 * unit, "first moment, " + name);
      expect_close(floats_of(second), v, 1e-9, 32 * unit, "second moment, " + name);
      // A step changes a parameter by at most about 1e-3. Change and parameter are rounded a few times.
      expect_close(floats_of(parameters), p, 16 * unit, 8 * unit, "parameters, " + name);
    }
  }
}

TEST_P(Optimizers, SgdEqualsTheReferenceOverSteps) {
  for (const SgdOptions& options :
       {SgdOptions{}, SgdOptions{.momentum = 0.9F, .weight_decay = 0.01F, .clip_norm = 30},
        SgdOptions{.momentum = 0.9F, .nesterov = true}}) {
    Values p = random_values(count, 1);
    Values velocity(count, 0.0);
    Tensor parameters = tensor(p);
    Tensor moved = tensor(velocity);
    for (int step = 0; step < 5; ++step) {
      StepValues now;
      now.rate = 0.02F * static_cast<float>(step + 1);
      const Values g = random_values(count, 11 + step);
      const Tensor gradient = tensor(g);
      kernels().optimizer.sgd(stream(), options, on_device(now), sum_of_squares(gradient).read(),
                              gradient.read(), parameters.write(), moved.write(), {});
      reference::sgd(options, now.rate, g, p, velocity);
    }
    expect_close(floats_of(moved), velocity, 32 * unit, 16 * unit, "velocity");
    expect_close(floats_of(parameters), p, 32 * unit, 16 * unit, "parameters");
  }
}

TEST_P(Optimizers, UpdateNothingWhereTheGradientIsNotFinite) {
  const Values p = random_values(count, 1);
  const Values m = random_values(count, 2);
  const Values v = random_values(count, 3, 0, 1);
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    Values g = random_values(count, 4);
    g[count / 2] = bad;
    const Tensor gradient = tensor(g);
    const Tensor sum = sum_of_squares(gradient);
    const StepValues* const now = on_device(adam_values({}, 0.1, 3));
    Tensor parameters = tensor(p);
    Tensor first = tensor(m);
    Tensor second = tensor(v);
    kernels().optimizer.adam(stream(), {.clip_norm = 1}, now, sum.read(), gradient.read(), parameters.write(),
                             first.write(), second.write(), {});
    kernels().optimizer.sgd(stream(), {.clip_norm = 1}, now, sum.read(), gradient.read(), parameters.write(),
                            first.write(), {});
    EXPECT_EQ(floats_of(parameters), floats_of(tensor(p)));
    EXPECT_EQ(floats_of(first), floats_of(tensor(m)));
    EXPECT_EQ(floats_of(second), floats_of(tensor(v)));
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
  StepValues now;
  now.average_decay = 0.99F;
  kernels().optimizer.moving_average(stream(), on_device(now), tensor(p).read(), average.write());
  expect_close(floats_of(average), expected, 4 * unit, 4 * unit, "average");
}

// A step that updates the average gives the same result as a step followed by moving_average.
// If the gradient is not finite, the parameters stay and the average still moves towards them.
TEST_P(Optimizers, AStepTakesTheAverageAlong) {
  const OptimizerKernels& k = kernels().optimizer;
  for (const bool adam : {true, false}) {
    for (const double first_gradient : {0.5, std::nan("")}) {
      for (const std::int64_t leading : {0, 1}) {  // 1: the average is unaligned
        Values g = random_values(count, 1);
        g[0] = first_gradient;
        const Tensor gradient = tensor(g);
        const Tensor sum = sum_of_squares(gradient);
        StepValues values = adam_values({}, 0.01, 7);
        values.average_decay = 0.9F;
        const StepValues* const now = on_device(values);
        const Values before = random_values(count + leading, 2);
        const auto step = [&](bool fused) {
          Tensor parameters = tensor(random_values(count, 3));
          Tensor first = tensor(random_values(count, 4));
          Tensor second = tensor(random_values(count, 5, 0, 1));
          Tensor average = tensor(before).slice(leading, count);
          const Span fused_average = fused ? average.write() : Span();
          if (adam) {
            k.adam(stream(), {.weight_decay = 0.01F, .clip_norm = 50}, now, sum.read(), gradient.read(),
                   parameters.write(), first.write(), second.write(), fused_average);
          } else {
            k.sgd(stream(), {.momentum = 0.9F, .weight_decay = 0.01F, .clip_norm = 50}, now, sum.read(),
                  gradient.read(), parameters.write(), first.write(), fused_average);
          }
          if (!fused) {
            k.moving_average(stream(), now, parameters.read(), average.write());
          }
          return std::vector{floats_of(parameters), floats_of(first), floats_of(second), floats_of(average)};
        };
        const std::vector<std::vector<float>> apart = step(false);
        EXPECT_EQ(step(true), apart) << (adam ? "adam" : "sgd");
        // The average is taken with the parameters after the step.
        Values expected = before;
        expected.erase(expected.begin(), expected.begin() + leading);
        for (std::int64_t i = 0; i < count; ++i) {
          expected[i] = double{0.9F} * expected[i] + (1 - double{0.9F}) * apart[0][i];
        }
        expect_close(apart[3], expected, 4 * unit, 4 * unit, "average");
      }
    }
  }
}

TEST_P(Optimizers, RefusesAnAverageThatDoesNotFit) {
  Tensor t = tensor(random_values(8, 1));
  Tensor few = tensor(random_values(7, 1));
  const Tensor sum = sum_of_squares(t);
  const StepValues* const now = on_device({});
  EXPECT_THROW(kernels().optimizer.adam(stream(), {}, now, sum.read(), t.read(), t.write(), t.write(),
                                        t.write(), few.write()),
               Error);
  EXPECT_THROW(
      kernels().optimizer.sgd(stream(), {}, now, sum.read(), t.read(), t.write(), t.write(), few.write()),
      Error);
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
        Tensor sum = sum_of_squares(tensor(g));
        const StepValues* const now = on_device(adam_values({}, 1e-3, 0));
        kernels().optimizer.adam(stream(), {}, now, sum.read(), tensor(g).read(), parameters.write(),
                                 first.write(), second.write(), {});
        kernels().optimizer.sgd(stream(), {}, now, sum.read(), tensor(g).read(), parameters.write(),
                                first.write(), {});
        kernels().optimizer.sum_of_squares(stream(), parameters.read(), sum.write());
        return std::vector{floats_of(parameters), floats_of(first), floats_of(second), floats_of(sum)};
      },
      "optimizers");
}

SEC_ON_ALL_TARGETS(Optimizers);

}  // namespace
}  // namespace sec::kernels
