#include "layers/batch_norm.h"

#include <gtest/gtest.h>

#include <cmath>

#include "layers/accumulate.h"
#include "layers/batch_norm_relu.h"
#include "tests/layers/check_layer.h"

namespace sec::layers {
namespace {

TEST(BatchNorm, EqualsDoublePrecisionInTraining) {
  ParameterSet set;
  const BatchNorm layer = make_batch_norm(set, "bn", 5);
  check_layer(
      set, {random_array({3, 4, 2, 5}, 1, 2)},
      [&](Pass& pass, const std::vector<Var>& in) { return batch_norm(pass, layer, in[0]); },
      [](const auto& in, const plain::Arrays& p) {
        return plain::batch_norm(in[0], plain::statistics(in[0]), p.at("bn.weight"), p.at("bn.bias"), 1e-5);
      });
}

TEST(BatchNorm, KeepsRunningStatisticsAndUsesThemOutsideTraining) {
  ParameterSet set;
  const BatchNorm layer = make_batch_norm(set, "bn", 3);
  set.allocate(cpu, 0);
  randomise(set, 5);
  const plain::Array x1 = random_array({2, 4, 1, 3}, 1, 2);
  const plain::Array x2 = random_array({3, 5, 1, 3}, 2, 3);
  Pass training{cpu, nullptr, true};
  batch_norm(training, layer, to_tensor(x1));
  batch_norm(training, layer, to_tensor(x2));

  // running = 0.9 running + 0.1 batch, from mean 0 and variance 1, with the unbiased variance.
  plain::Array mean({3});
  plain::Array variance({3}, {1, 1, 1});
  for (const plain::Array* x : {&x1, &x2}) {
    const plain::Statistics batch = plain::statistics(*x);
    const double rows = plain::rows(*x);
    for (int c = 0; c < 3; ++c) {
      mean.data[c] = 0.9 * mean.data[c] + 0.1 * batch.mean.data[c];
      variance.data[c] = 0.9 * variance.data[c] + 0.1 * batch.variance.data[c] * rows / (rows - 1);
    }
  }
  expect_close(to_array(layer.running_mean->value), mean, 1e-6, "running mean");
  expect_close(to_array(layer.running_variance->value), variance, 1e-6, "running variance");

  const plain::Arrays before = states_of(set);
  Pass evaluation{cpu};
  const Var y = batch_norm(evaluation, layer, to_tensor(x1));
  const plain::Arrays p = to_arrays(set);
  expect_close(to_array(y.value),
               plain::batch_norm(x1, {mean, variance}, p.at("bn.weight"), p.at("bn.bias"), 1e-5), 1e-5,
               "evaluation");
  EXPECT_EQ(states_of(set).at("bn.running_mean").data, before.at("bn.running_mean").data);
  EXPECT_EQ(states_of(set).at("bn.running_var").data, before.at("bn.running_var").data);
}

TEST(BatchNorm, RefusesWhatItCannotDo) {
  ParameterSet set;
  const BatchNorm layer = make_batch_norm(set, "stem.bn", 3);
  set.allocate(cpu, 0);
  Pass training{cpu, nullptr, true};
  EXPECT_EQ(error_of([&] {
              batch_norm(training, layer, Tensor::zeros(cpu, {1, 1, 1, 3}));
            }),
            "batch_norm stem.bn: training needs more than one value per channel, got an input (1, 1, 1, 3)");
  EXPECT_EQ(error_of([&] {
              batch_norm(training, layer, Tensor::zeros(cpu, {4, 4, 1, 2}));
            }),
            "batch_norm stem.bn: expected an input (N, L, H, 3), got (4, 4, 1, 2)");
}

// In inference y is gamma (x - mean) / deviation + beta with fixed mean and deviation, per channel.
// The gradients are compared with that formula in double precision.
TEST(BatchNorm, InferenceRecordsTheGradientOfAFixedScale) {
  for (const bool with_relu : {false, true}) {
    ParameterSet set;
    const BatchNorm layer = make_batch_norm(set, "bn", 2);
    set.allocate(cpu, 0);
    layer.weight->value.assign(cpu, std::vector<float>{0.5F, -2.0F});
    layer.bias->value.assign(cpu, std::vector<float>{0.25F, -0.5F});
    layer.running_mean->value.assign(cpu, std::vector<float>{1.0F, -1.0F});
    layer.running_variance->value.assign(cpu, std::vector<float>{4.0F, 0.25F});
    layer.weight->gradient.zero(cpu);
    layer.bias->gradient.zero(cpu);
    const plain::Array x = random_array({2, 3, 2, 2}, 5);
    const plain::Array gy = random_array({2, 3, 2, 2}, 6);
    Tape tape(cpu, accumulate);
    Pass pass{cpu, &tape, false};
    const Var leaf = tape.leaf(to_tensor(x));
    const Var y =
        with_relu ? Var(batch_norm_relu(pass, layer, leaf, Next::nothing)) : batch_norm(pass, layer, leaf);
    tape.backward(y, to_tensor(gy));
    const std::vector<float> gx = tape.gradient_of(leaf).to_vector(cpu);
    const double mean[] = {1, -1}, deviation[] = {std::sqrt(4 + 1e-5), std::sqrt(0.25 + 1e-5)};
    const double gamma[] = {0.5, -2}, beta[] = {0.25, -0.5};
    double gamma_gradient[2] = {}, beta_gradient[2] = {};
    for (std::size_t i = 0; i < gx.size(); ++i) {
      const std::size_t c = i % 2;
      const double normal = (x.data[i] - mean[c]) / deviation[c];
      const bool open = !with_relu || gamma[c] * normal + beta[c] > 0;
      const double passed = open ? gy.data[i] : 0;
      EXPECT_NEAR(gx[i], passed * gamma[c] / deviation[c], 1e-5) << i;
      gamma_gradient[c] += passed * normal;
      beta_gradient[c] += passed;
    }
    for (std::size_t c = 0; c < 2; ++c) {
      EXPECT_NEAR(layer.weight->gradient.to_vector(cpu)[c], gamma_gradient[c], 1e-4);
      EXPECT_NEAR(layer.bias->gradient.to_vector(cpu)[c], beta_gradient[c], 1e-4);
    }
  }
}

}  // namespace
}  // namespace sec::layers
