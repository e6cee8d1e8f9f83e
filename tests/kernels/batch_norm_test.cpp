#include "tests/kernels/kernel_test.h"

namespace sec::kernels {
namespace {

// Shapes of the network, and numbers of channels that are no multiple of a vector.
const BatchNormShape shapes[] = {{2000, 32}, {78, 256}, {333, 64}, {7, 5},
                                 {1000, 1},  {517, 7},  {2, 33},   {5000, 24}};

constexpr float epsilon = 1e-5F;

std::string name_of(const BatchNormShape& s) {
  return fmt::format("{} rows of {} channels", s.rows, s.c);
}

// Channel c has mean 3 - c and a standard deviation of about 1/2.
Values input_of(const BatchNormShape& s) {
  Values x = random_values(s.rows * s.c, 1);
  for (std::size_t e = 0; e < x.size(); ++e) {
    x[e] = static_cast<float>(x[e] + 3.0 - static_cast<double>(e % s.c));
  }
  return x;
}

class BatchNorm : public Kernels {
 protected:
  struct Results {
    std::vector<float> mean, variance;
  };
  Results statistics(const BatchNormShape& s, const Values& x) {
    Tensor mean = result(s.c);
    Tensor variance = result(s.c);
    kernels().batch_norm.statistics(stream(), s, tensor(x).read(), mean.write(), variance.write());
    return {floats_of(mean), floats_of(variance)};
  }
};

TEST_P(BatchNorm, StatisticsEqualTheReference) {
  for (const BatchNormShape& s : shapes) {
    const Values x = input_of(s);
    const auto expected = reference::batch_norm_statistics(s, x);
    const Results got = statistics(s, x);
    // Sums of blocks are in f32 and then corrected, so only a few roundings remain.
    expect_close(got.mean, expected.mean, 1e-7, 4 * unit, "mean, " + name_of(s));
    expect_close(got.variance, expected.variance, 1e-9, 32 * unit, "variance, " + name_of(s));
  }
}

TEST_P(BatchNorm, ALargeMeanDoesNotCancelTheVariance) {
  const BatchNormShape s{20000, 5};
  Values x = random_values(s.rows * s.c, 1, -0.01, 0.01);
  for (double& v : x) {
    v = static_cast<float>(1000 + v);  // f32 numbers are 6e-5 apart here, 1/100 of the deviation
  }
  const auto expected = reference::batch_norm_statistics(s, x);
  const Results got = statistics(s, x);
  expect_close(got.mean, expected.mean, 0, unit, "mean");
  // E[x^2] - E[x]^2 in f32 would be off by 1e6 * unit = 0.06, two thousand times the variance.
  expect_close(got.variance, expected.variance, 0, 1e-5, "variance");
}

TEST_P(BatchNorm, AConstantChannelHasNoVariance) {
  const Results got = statistics({4097, 3}, Values(4097 * 3, 0.1F));
  for (const float v : got.variance) {
    EXPECT_EQ(v, 0);
  }
}

TEST_P(BatchNorm, AnOutlierInTheFirstRowIsWeighedRight) {
  const BatchNormShape s{3000, 4};
  Values x = random_values(s.rows * s.c, 1);
  x[0] = 1e4;
  const auto expected = reference::batch_norm_statistics(s, x);
  const Results got = statistics(s, x);
  // About 500 additions to a sum near 1e4 err by unit * 1e4 each.
  // As a random walk the errors reach 0.013, divided by 3000 rows.
  expect_close(got.mean, expected.mean, 2e-5, 0, "mean");
  expect_close(got.variance, expected.variance, 0, 32 * unit, "variance");
}

TEST_P(BatchNorm, RunningStatisticsUseTheUnbiasedVariance) {
  const BatchNormShape s{10, 6};
  const reference::Statistics batch{random_values(s.c, 1), random_values(s.c, 2, 0.5, 2)};
  const reference::Statistics running{random_values(s.c, 3), random_values(s.c, 4, 0.5, 2)};
  Tensor mean = tensor(running.mean);
  Tensor variance = tensor(running.variance);
  const Tensor batch_mean = tensor(batch.mean);
  const Tensor batch_variance = tensor(batch.variance);
  kernels().batch_norm.update_running(
      stream(), {s, 0.1F, batch_mean.read(), batch_variance.read(), mean.write(), variance.write()});
  const auto expected = reference::batch_norm_update_running(s, 0.1F, batch, running);
  expect_close(floats_of(mean), expected.mean, 4 * unit, 4 * unit, "running mean");
  expect_close(floats_of(variance), expected.variance, 4 * unit, 4 * unit, "running variance");
}

// More layers than fit into one launch, with different numbers of channels.
TEST_P(BatchNorm, RunningStatisticsOfAGroupAreUpdatedEach) {
  struct Running {
    BatchNormShape shape;
    float momentum;
    reference::Statistics batch, before;
    Tensor batch_mean, batch_variance, mean, variance;
  };
  std::vector<Running> layers;
  std::vector<RunningUpdate> group;
  for (unsigned i = 0; i < 11; ++i) {
    const BatchNormShape s{i + 2, 1 + 100 * (i % 4)};
    const reference::Statistics batch{random_values(s.c, 4 * i), random_values(s.c, 4 * i + 1, 0.5, 2)};
    const reference::Statistics before{random_values(s.c, 4 * i + 2), random_values(s.c, 4 * i + 3, 0.5, 2)};
    layers.push_back({s, 0.1F + 0.01F * static_cast<float>(i), batch, before, tensor(batch.mean),
                      tensor(batch.variance), tensor(before.mean), tensor(before.variance)});
    Running& l = layers.back();
    group.push_back(
        {s, l.momentum, l.batch_mean.read(), l.batch_variance.read(), l.mean.write(), l.variance.write()});
  }
  kernels().batch_norm.update_running_group(stream(), group);
  for (const Running& l : layers) {
    const auto expected = reference::batch_norm_update_running(l.shape, l.momentum, l.batch, l.before);
    expect_close(floats_of(l.mean), expected.mean, 4 * unit, 4 * unit, "mean of " + name_of(l.shape));
    expect_close(floats_of(l.variance), expected.variance, 4 * unit, 4 * unit,
                 "variance of " + name_of(l.shape));
  }
}

TEST_P(BatchNorm, ApplyEqualsTheReference) {
  for (const BatchNormShape& s : shapes) {
    const Values x = input_of(s);
    const reference::Statistics statistics{random_values(s.c, 2), random_values(s.c, 3, 0.1, 2)};
    const Values gamma = random_values(s.c, 4);
    const Values beta = random_values(s.c, 5);
    Tensor y = result(s.rows * s.c);
    kernels().batch_norm.apply(stream(), s, epsilon, tensor(x).read(), tensor(statistics.mean).read(),
                               tensor(statistics.variance).read(), tensor(gamma).read(), tensor(beta).read(),
                               y.write());
    // A few roundings.
    // The terms gamma * (x - mean) / deviation and beta may cancel, so an absolute error is allowed.
    // It grows with the magnitude of the values: |x| < c + 4, and deviations are above 0.3.
    expect_close(floats_of(y), reference::batch_norm_apply(s, epsilon, x, statistics, gamma, beta),
                 8 * unit * 3 * static_cast<double>(s.c + 4), 8 * unit, name_of(s));
  }
}

// Compares with unfused batch norm and ReLU, which have their own tests.
// Both versions round the same values, but sum the moments of the result in a different order.
TEST_P(BatchNorm, WithReluEqualsTheSeparateOperations) {
  const BatchNormKernels& kernel = kernels().batch_norm;
  if (kernel.apply_relu == nullptr) {
    GTEST_SKIP() << GetParam().name << " has them as two";
  }
  for (const BatchNormShape& s : shapes) {
    const Tensor x = tensor(input_of(s));
    const Tensor gy = tensor(random_values(s.rows * s.c, 2));
    const Tensor gamma = tensor(random_values(s.c, 3, 0.5, 1.5));
    const Tensor beta = tensor(random_values(s.c, 4));
    Tensor mean = result(s.c);
    Tensor variance = result(s.c);
    kernel.statistics(stream(), s, x.read(), mean.write(), variance.write());

    Tensor normal = result(s.rows * s.c);
    Tensor expected = result(s.rows * s.c);
    kernel.apply(stream(), s, epsilon, x.read(), mean.read(), variance.read(), gamma.read(), beta.read(),
                 normal.write());
    kernels().pointwise.relu(stream(), normal.read(), expected.write());
    const std::vector<float> values = floats_of(expected);
    const Results of_expected = statistics(s, Values(values.begin(), values.end()));
    Tensor y = result(s.rows * s.c);
    Tensor y_mean = result(s.c);
    Tensor y_variance = result(s.c);
    kernel.apply_relu(stream(), s, epsilon, x.read(), mean.read(), variance.read(), gamma.read(), beta.read(),
                      y.write(), y_mean.write(), y_variance.write());
    expect_close(floats_of(y), Values(values.begin(), values.end()), 1e-6, 1e-6, "y, " + name_of(s));
    expect_close(floats_of(y_mean), Values(of_expected.mean.begin(), of_expected.mean.end()), 1e-6, 4e-6,
                 "mean of y, " + name_of(s));
    expect_close(floats_of(y_variance), Values(of_expected.variance.begin(), of_expected.variance.end()),
                 1e-6, 4e-6, "variance of y, " + name_of(s));
    Tensor alone = result(s.rows * s.c);
    kernel.apply_relu(stream(), s, epsilon, x.read(), mean.read(), variance.read(), gamma.read(), beta.read(),
                      alone.write(), {}, {});
    EXPECT_EQ(floats_of(alone), floats_of(y));

    Tensor gnormal = result(s.rows * s.c);
    kernels().pointwise.relu_backward(stream(), expected.read(), gy.read(), gnormal.write());
    std::vector<Tensor> results[2];
    for (const bool fused : {false, true}) {
      Tensor gx = result(s.rows * s.c);
      Tensor ggamma = tensor(Values(static_cast<std::size_t>(s.c), 2.0));  // backward adds to these
      Tensor gbeta = tensor(Values(static_cast<std::size_t>(s.c), 3.0));
      if (fused) {
        kernel.backward_relu(stream(), s, epsilon, x.read(), gy.read(), mean.read(), variance.read(),
                             gamma.read(), beta.read(), gx.write(), ggamma.write(), gbeta.write());
      } else {
        kernel.backward(stream(), s, epsilon, x.read(), gnormal.read(), mean.read(), variance.read(),
                        gamma.read(), gx.write(), ggamma.write(), gbeta.write());
      }
      results[fused ? 1 : 0] = {gx, ggamma, gbeta};
    }
    for (std::size_t i = 0; i < results[0].size(); ++i) {
      const std::vector<float> unfused = floats_of(results[0][i]);
      double largest = 0;
      for (const float v : unfused) {
        largest = std::max(largest, std::abs(double{v}));
      }
      expect_close(floats_of(results[1][i]), Values(unfused.begin(), unfused.end()), 2e-6 * largest, 0,
                   fmt::format("gradient {}, {}", i, name_of(s)));
    }
  }
}

TEST_P(BatchNorm, BackwardEqualsTheReferenceAndFiniteDifferences) {
  for (const BatchNormShape& s : shapes) {
    const Values x = input_of(s);
    const Values gy = random_values(s.rows * s.c, 2);
    const Values gamma = random_values(s.c, 3, 0.5, 1.5);
    const Values beta = random_values(s.c, 4);
    const auto batch = reference::batch_norm_statistics(s, x);
    Tensor gx = result(s.rows * s.c);
    Tensor ggamma = tensor(Values(gamma.size(), 2.0));  // backward adds to these
    Tensor gbeta = tensor(Values(beta.size(), 3.0));
    kernels().batch_norm.backward(stream(), s, epsilon, tensor(x).read(), tensor(gy).read(),
                                  tensor(batch.mean).read(), tensor(batch.variance).read(),
                                  tensor(gamma).read(), gx.write(), ggamma.write(), gbeta.write());
    auto expected = reference::batch_norm_backward(s, epsilon, x, gy, gamma);
    // x - mean has the rounding error of a mean of up to c. Relative to a deviation this error is c * unit.
    // A sum of R terms of about 1/2 errs by unit * sqrt(R) times the size of its partial sums, sqrt(R) / 2.
    const double sums = 4 * unit * static_cast<double>(s.rows + 16) + 4e-6;
    double inverse = 0;  // gx scales with 1 / deviation, which is large for two close rows
    for (const double v : batch.variance) {
      inverse = std::max(inverse, 1 / std::sqrt(v + epsilon));
    }
    const auto channels = static_cast<double>(s.c);
    expect_close(floats_of(gx), expected.gx, 16 * unit * inverse * (4 + channels * inverse), 32 * unit,
                 "gx, " + name_of(s));
    for (std::int64_t c = 0; c < s.c; ++c) {
      expected.ggamma[c] += 2;
      expected.gbeta[c] += 3;
    }
    expect_close(floats_of(ggamma), expected.ggamma, sums * (1 + channels * inverse), 16 * unit,
                 "ggamma, " + name_of(s));
    expect_close(floats_of(gbeta), expected.gbeta, sums, 16 * unit, "gbeta, " + name_of(s));
    if (s.rows > 2) {  // with two rows, y is a step function of x
      expect_gradient(
          floats_of(gx), x,
          [&](const Values& v) {
            return dot(gy, reference::batch_norm_apply(s, epsilon, v, reference::batch_norm_statistics(s, v),
                                                       gamma, beta));
          },
          "gx, " + name_of(s), 2e-5);
    }
  }
}

TEST_P(BatchNorm, SameBitsForAnyNumberOfThreads) {
  const BatchNormShape s{9001, 24};
  const Values x = input_of(s);
  const Values gy = random_values(s.rows * s.c, 2);
  const Values ones(static_cast<std::size_t>(s.c), 1.0);
  expect_same_bits_for_any_threads(
      [&] {
        const Results r = statistics(s, x);
        Tensor y = result(s.rows * s.c);
        Tensor gx = result(s.rows * s.c);
        Tensor ggamma = tensor(ones);
        Tensor gbeta = tensor(ones);
        const auto mean = Tensor::from(stream(), {s.c}, r.mean);
        const auto variance = Tensor::from(stream(), {s.c}, r.variance);
        kernels().batch_norm.apply(stream(), s, epsilon, tensor(x).read(), mean.read(), variance.read(),
                                   tensor(ones).read(), tensor(ones).read(), y.write());
        kernels().batch_norm.backward(stream(), s, epsilon, tensor(x).read(), tensor(gy).read(), mean.read(),
                                      variance.read(), tensor(ones).read(), gx.write(), ggamma.write(),
                                      gbeta.write());
        return std::vector{r.mean,        r.variance,        floats_of(y),
                           floats_of(gx), floats_of(ggamma), floats_of(gbeta)};
      },
      "batch norm");
}

SEC_ON_ALL_TARGETS(BatchNorm);

}  // namespace
}  // namespace sec::kernels
