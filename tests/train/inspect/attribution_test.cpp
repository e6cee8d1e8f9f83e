// Attribution on networks whose answer is known: a linear one, and one that looks for a spike.
#include "train/inspect/attribution.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/philox.h"
#include "layers/conv.h"
#include "layers/linear.h"
#include "layers/pointwise.h"
#include "layers/pool.h"
#include "model/networks.h"
#include "tests/io/files.h"
#include "tests/train/model_file.h"

namespace sec::train {
namespace {

constexpr std::int64_t length = 60;
constexpr std::int64_t leads = 2;

// The common part of networks that exist only here.
class TestNetwork : public model::Network {
 public:
  const model::NetworkOptions& options() const override { return options_; }
  layers::ParameterSet& parameters() override { return set_; }
  std::string summary() const override { return {}; }

 protected:
  explicit TestNetwork(std::int64_t covariates) {
    options_.leads = leads;
    options_.length = length;
    options_.classes = 2;
    options_.covariates = covariates;
  }
  model::NetworkOptions options_;
  layers::ParameterSet set_;
};

// logits = W (x, covariates) + b.
class LinearNetwork : public TestNetwork {
 public:
  explicit LinearNetwork(Stream& stream) : TestNetwork(3) {
    fc_ = layers::make_linear(set_, "fc", length * leads + 3, 2);
    set_.allocate(stream, 11);
  }
  Var forward(layers::Pass& pass, const Var& x, const Var& covariates) override {
    const std::int64_t n = x.shape()[0];
    return layers::linear(pass, fc_,
                          layers::concat(pass, {layers::view(pass, x, {n, length * leads}), covariates}));
  }
  std::vector<float> weights(Stream& stream) const { return fc_.weight->value.to_vector(stream); }  // (in, 2)

 private:
  layers::Linear fc_;
};

// Logit 1 is the mean of relu(5 x * (-1, 2, -1) - 4) over all positions, which only a spike of one sample excites.
class SpikeNetwork : public TestNetwork {
 public:
  explicit SpikeNetwork(Stream& stream) : TestNetwork(0) {
    conv_ = layers::make_conv(set_, "conv", {1, 1, 3, 1, 1, true});
    fc_ = layers::make_linear(set_, "fc", 1, 2);
    set_.allocate(stream, 1);
    conv_.weight->value.assign(stream, std::vector<float>{-5, 10, -5});
    conv_.bias->value.assign(stream, std::vector<float>{-4});
    fc_.weight->value.assign(stream, std::vector<float>{0, 20});
  }
  Var forward(layers::Pass& pass, const Var& x, const Var&) override {
    const Var y = layers::relu(pass, layers::conv(pass, conv_, x));
    return layers::linear(pass, fc_, layers::concat(pass, {layers::global_average_pool(pass, y)}));
  }

 private:
  layers::Conv conv_;
  layers::Linear fc_;
};

NetworkInput random_input(std::int64_t covariates, std::uint64_t seed, float scale = 1) {
  NetworkInput input{1, {}, {}};
  for (std::int64_t i = 0; i < length * leads; ++i) {
    input.x.push_back(scale * (2 * uniform({seed, 0, 1}, static_cast<std::uint64_t>(i)) - 1));
  }
  for (std::int64_t i = 0; i < covariates; ++i) {
    input.covariates.push_back(scale * (2 * uniform({seed, 0, 2}, static_cast<std::uint64_t>(i)) - 1));
  }
  return input;
}

NetworkInput zeros(const NetworkInput& like) {
  return {1, std::vector<float>(like.x.size()), std::vector<float>(like.covariates.size())};
}

TEST(Attribution, OfALinearModelIsWeightTimesDistance) {
  Stream stream;
  LinearNetwork network(stream);
  const NetworkInput input = random_input(3, 1);
  const NetworkInput baseline = random_input(3, 2);
  const Target target = target_for(1, 2);
  const std::vector<float> w = network.weights(stream);
  const auto share = [&](std::size_t i, float value, float base) {
    return static_cast<double>(w[2 * i + 1]) * (static_cast<double>(value) - base);
  };
  const Attribution gradients = integrated_gradients(network, stream, input, baseline, target);
  const std::vector<Patches> single(leads, Patches{1, 1});
  const Attribution occluded = occlusion(network, stream, input, baseline, target, single);
  for (std::size_t i = 0; i < input.x.size(); ++i) {
    const double expected = share(i, input.x[i], baseline.x[i]);
    EXPECT_NEAR(gradients.x[i], expected, 1e-4);  // sums of f32
    EXPECT_NEAR(occluded.x[i], expected, 1e-4);
    EXPECT_TRUE(std::abs(expected) < 1e-3 || std::signbit(gradients.x[i]) == std::signbit(occluded.x[i]));
  }
  for (std::size_t i = 0; i < 3; ++i) {
    const double expected = share(input.x.size() + i, input.covariates[i], baseline.covariates[i]);
    EXPECT_NEAR(gradients.covariates[i], expected, 1e-4);
    EXPECT_NEAR(occluded.covariates[i], expected, 1e-4);
  }
  EXPECT_LT(gradients.completeness_error(), 1e-3);
  EXPECT_EQ(gradients.steps, 64);
}

// A patch of several samples has their sum: occlusion and gradients agree in sign patch by patch.
TEST(Attribution, PatchesOfALinearModelHaveTheSignOfTheirGradients) {
  Stream stream;
  LinearNetwork network(stream);
  const NetworkInput input = random_input(3, 3);
  const NetworkInput baseline = zeros(input);
  const Target target = target_for(0, 2);
  const Attribution gradients = integrated_gradients(network, stream, input, baseline, target);
  const std::vector<Patches> patches(leads, Patches{6, 6});
  const Attribution occluded = occlusion(network, stream, input, baseline, target, patches);
  for (std::int64_t h = 0; h < leads; ++h) {
    for (std::int64_t begin = 0; begin < length; begin += 6) {
      double sum = 0;
      for (std::int64_t t = begin; t < begin + 6; ++t) {
        sum += gradients.x[static_cast<std::size_t>(t * leads + h)];
      }
      const double fall = 6.0 * occluded.x[static_cast<std::size_t>(begin * leads + h)];
      EXPECT_NEAR(fall, sum, 1e-4);
    }
  }
}

TEST(Attribution, BothMethodsFindAPlantedSpike) {
  Stream stream;
  SpikeNetwork network(stream);
  NetworkInput input = random_input(0, 5, 0.05F);  // noise that does not excite the detector
  const std::size_t spike = 37 * leads + 1;        // sample 37 of the second lead
  input.x[spike] += 2;
  const NetworkInput baseline = zeros(input);
  const Target target = target_for(1, 2);
  const Attribution gradients = integrated_gradients(network, stream, input, baseline, target);
  const std::vector<Patches> patches(leads, Patches{4, 2});
  const Attribution occluded = occlusion(network, stream, input, baseline, target, patches);
  EXPECT_LT(gradients.completeness_error(), 0.01);
  const auto largest = [](const std::vector<float>& values) {
    return std::max_element(values.begin(), values.end()) - values.begin();
  };
  EXPECT_EQ(largest(gradients.x), static_cast<std::ptrdiff_t>(spike));
  const std::ptrdiff_t patch = largest(occluded.x);
  EXPECT_EQ(patch % leads, 1);
  EXPECT_NEAR(static_cast<double>(patch / leads), 37, 3);
  EXPECT_GT(gradients.x[spike], 0.9 * gradients.sum);

  const Observation observation = observe(network, stream, input, target.weights);
  const std::vector<float> map = grad_cam(observation, trunk_end(observation));
  EXPECT_EQ(largest(map), static_cast<std::ptrdiff_t>(spike));

  // Removing the most important twentieth of the input takes the whole answer away; at random it does not.
  const DeletionCurve curve = deletion_curve(network, stream, input, baseline, target, gradients);
  ASSERT_EQ(curve.fraction.size(), curve.target.size());
  EXPECT_NEAR(curve.target.front() - curve.target.back(), gradients.difference, 1e-3);
  EXPECT_LT(curve.target[1], 0.05 * curve.target[0]);
  EXPECT_GT(std::accumulate(curve.random.begin(), curve.random.end(), 0.0),
            3 * std::accumulate(curve.target.begin(), curve.target.end(), 0.0));
}

// Ranks of (10, 20, 20, 30) are 0, 1.5, 1.5, 3. By hand: the correlation with (1, 3, 2, 4) is 4.5 / sqrt(4.5 * 5).
TEST(Attribution, RankCorrelationHandlesTies) {
  EXPECT_NEAR(rank_correlation(std::vector<float>{10, 20, 20, 30}, std::vector<float>{1, 3, 2, 4}),
              4.5 / std::sqrt(4.5 * 5), 1e-12);
  EXPECT_NEAR(rank_correlation(std::vector<float>{1, 2, 3}, std::vector<float>{30, 20, 10}), -1, 1e-12);
  EXPECT_EQ(rank_correlation(std::vector<float>{1, 1, 1}, std::vector<float>{3, 2, 1}), 0);
}

TEST(Attribution, InputsThatDoNotFitAreRefused) {
  Stream stream;
  LinearNetwork network(stream);
  const NetworkInput input = random_input(3, 1);
  const Target target = target_for(0, 2);
  NetworkInput shorter = input;
  shorter.x.pop_back();
  EXPECT_NE(io::error_of([&] { integrated_gradients(network, stream, input, shorter, target); }), "");
  const std::vector<Patches> one(1, Patches{1, 1});
  EXPECT_NE(io::error_of([&] { occlusion(network, stream, input, input, target, one); }), "");
}

}  // namespace
}  // namespace sec::train
