#include "layers/batch_norm.h"

#include <gtest/gtest.h>

#include "layers/accumulate.h"
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
  Tape tape(cpu, accumulate);
  Pass recorded_evaluation{cpu, &tape, false};
  EXPECT_EQ(
      error_of([&] {
        batch_norm(recorded_evaluation, layer, Tensor::zeros(cpu, {4, 4, 1, 3}));
      }),
      "batch_norm stem.bn: gradients are recorded in training mode only, through the batch's statistics");
}

}  // namespace
}  // namespace sec::layers
