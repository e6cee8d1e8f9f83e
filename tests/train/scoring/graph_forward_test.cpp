#include "train/scoring/graph_forward.h"

#include <gtest/gtest.h>

#include <memory>

#include "engine/philox.h"
#include "model/se_ecgnet.h"
#include "tests/train/tiny_run.h"
#include "train/loop/step.h"

namespace sec::train {
namespace {

const model::SeEcgNetOptions small{2, 60, 2, 1, 4, false, 0.2};

// A network that notes for each forward pass on the host whether it is part of a replay.
class Watched : public model::Network {
 public:
  explicit Watched(Stream& stream) : net_(small, stream, 3) {}

  Var forward(layers::Pass& pass, const Var& x, const Var& covariates) override {
    replayed.push_back(detail::replaying_on_host());
    return net_.forward(pass, x, covariates);
  }
  const model::NetworkOptions& options() const override { return net_.options(); }
  layers::ParameterSet& parameters() override { return net_.parameters(); }
  std::string summary() const override { return net_.summary(); }

  std::vector<bool> replayed;

 private:
  model::SeEcgNet net_;
};

std::vector<float> numbers(std::int64_t count, std::uint32_t which) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = 2 * uniform({41, 0, which}, i) - 1;
  }
  return values;
}

class GraphForwards : public testing::TestWithParam<Device> {
 protected:
  void SetUp() override {
    const std::string reason = why_unavailable(GetParam());
    if (!reason.empty()) {
      GTEST_SKIP() << "NOT TESTED on " << name_of(GetParam()) << ": " << reason;
    }
    stream_ = std::make_unique<OwnedStream>(GetParam());
    network_ = std::make_unique<Watched>(*stream_);
  }

  // Runs batches of these sizes, with new samples each, kernel by kernel and with graphs.
  // Returns which batches were replays.
  std::vector<bool> replays(GraphForward& graphs, const std::vector<std::int64_t>& sizes) {
    GraphForward eager(*network_, *stream_, DType::f32, false);
    std::vector<bool> replays;
    for (const std::int64_t n : sizes) {
      const std::vector<float> x = numbers(n * 120, ++batch_);
      const std::vector<float> covariates = numbers(n, ++batch_);
      network_->replayed.clear();
      const std::vector<float> got = graphs.logits(n, x, covariates);
      // On cuda the host runs the network when it is captured, but not when the graph is replayed.
      replays.push_back(network_->replayed.empty() || network_->replayed.back());
      EXPECT_EQ(got, eager.logits(n, x, covariates)) << "a batch of " << n;
      EXPECT_EQ(std::ssize(got), 2 * n);
    }
    return replays;
  }

  std::unique_ptr<OwnedStream> stream_;
  std::unique_ptr<Watched> network_;
  std::uint32_t batch_ = 0;
};

using Flags = std::vector<bool>;

TEST_P(GraphForwards, EqualKernelByKernelBitForBit) {
  GraphForward graphs(*network_, *stream_, DType::f32, true);
  const Flags got = replays(graphs, {4, 4, 4, 2, 4, 2, 2, 4, 1});
  if (GetParam() == Device::cpu) {
    EXPECT_EQ(got, Flags(9, false));
  } else if (GetParam() == Device::simt) {
    // Size 2 twice in a row replaces the graph of size 4.
    EXPECT_EQ(got, (Flags{false, true, true, false, true, false, true, false, false}));
  }
}

// After a change of weights, by assignment or training, a size is captured anew.
TEST_P(GraphForwards, FollowTheWeights) {
  GraphForward graphs(*network_, *stream_, DType::f32, true);
  const bool captures = GetParam() == Device::simt;
  const bool counts = GetParam() != Device::cuda;
  const Flags pattern{false, captures, captures};
  EXPECT_TRUE(replays(graphs, {3, 3, 3}) == pattern || !counts);
  Tensor weights = network_->parameters().values();
  weights.assign(*stream_, std::span<const float>(numbers(weights.count(), 1000)));
  EXPECT_TRUE(replays(graphs, {3, 3, 3}) == pattern || !counts);

  const Recipe recipe = tiny_recipe();
  OptimizerState optimizer = make_optimizer_state(recipe.train, network_->parameters(), *stream_);
  TrainingStep step(recipe, *network_, optimizer, {}, *stream_, true);
  Batch batch;
  for (const float value : numbers(3 * 120, 1001)) {
    batch.x.push_back(value);
  }
  for (const float value : numbers(3, 1002)) {
    batch.covariates.push_back(value);
  }
  batch.labels = {0, 1, 0};
  for (batch.step = 0; batch.step < 4; ++batch.step) {
    step.take(batch, 1e-2);
    EXPECT_TRUE(replays(graphs, {3, 3, 3}) == pattern || !counts) << batch.step;
  }
}

INSTANTIATE_TEST_SUITE_P(All, GraphForwards, testing::Values(Device::cpu, Device::simt, Device::cuda),
                         [](const auto& one) { return std::string(name_of(one.param)); });

}  // namespace
}  // namespace sec::train
