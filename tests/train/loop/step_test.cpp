#include "train/loop/step.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "engine/parallel.h"
#include "engine/precision.h"
#include "model/se_ecgnet.h"
#include "tests/train/tiny_run.h"

namespace sec::train {
namespace {

const model::SeEcgNetOptions small{2, 60, 2, 1, 4, false, 0.2};
// Inputs so long that every batch norm has at least a dozen values per channel. It limits rounding.
const model::SeEcgNetOptions longer{2, 300, 2, 1, 4, false, 0.2};

Batch batch_of(std::int64_t n, std::int64_t step, const model::SeEcgNetOptions& options = small) {
  Batch batch;
  batch.step = step;
  const auto draw = [&](PinnedVector<float>& values, std::int64_t count, std::uint32_t operation) {
    for (std::int64_t i = 0; i < count; ++i) {
      values.push_back(2 * uniform({40, static_cast<std::uint32_t>(step), operation}, i) - 1);
    }
  };
  draw(batch.x, n * options.length * options.leads, 1);
  draw(batch.covariates, n * options.covariates, 2);
  for (std::int64_t i = 0; i < n; ++i) {
    batch.labels.push_back(static_cast<std::int32_t>((i + step) % 2));
  }
  return batch;
}

// A network in training, and everything that a step writes.
struct Training {
  OwnedStream stream;
  Recipe recipe;
  model::SeEcgNet network;
  OptimizerState optimizer;
  TrainingStep step;

  Training(Device device, const Recipe& r, bool capture, const model::SeEcgNetOptions& options = small,
           Precision precision = Precision::f32)
      : stream(device),
        recipe(r),
        network(options, stream, 3),
        optimizer(make_optimizer_state(recipe.train, network.parameters(), stream)),
        step(recipe, network, optimizer, {}, in(precision), capture, activations_in(precision)) {}

  const Stream& in(Precision precision) {
    stream.get().tf32 = allows_tf32(precision);
    return stream.get();
  }

  std::vector<std::vector<float>> state() {
    std::vector<std::vector<float>> all;
    const layers::ParameterSet& set = network.parameters();
    for (const Tensor& tensor : {set.values(), set.gradients(), set.states(), optimizer.first_moment,
                                 optimizer.second_moment, optimizer.average, optimizer.average_states}) {
      all.push_back(tensor.defined() ? tensor.to_vector(stream) : std::vector<float>());
    }
    return all;
  }
};

class TrainingSteps : public testing::TestWithParam<Device> {
 protected:
  void SetUp() override {
    const std::string reason = why_unavailable(GetParam());
    if (!reason.empty()) {
      GTEST_SKIP() << "NOT TESTED on " << name_of(GetParam()) << ": " << reason;
    }
    set_threads(1);  // with more threads the number of scratch buffers in use would depend on their timing
  }
  void TearDown() override { set_threads(0); }
};

TEST_P(TrainingSteps, ReplaysEqualKernelByKernelBitForBit) {
  for (const Recipe& recipe :
       {tiny_recipe({"train.clip_norm=0.5"}),
        tiny_recipe({"train.optimizer=sgd", "loss.kind=bce", "train.average_decay=0"})}) {
    Training eager(GetParam(), recipe, false);
    Training captured(GetParam(), recipe, true);
    MemoryStatistics third;
    for (std::int64_t i = 0; i < (recipe.train.optimizer == "sgd" ? 5 : 20); ++i) {
      const double rate = 1e-2 / static_cast<double>(i + 1);
      const StepResult expected = eager.step.take(batch_of(4, i), rate);
      const StepResult got = captured.step.take(batch_of(4, i), rate);
      EXPECT_EQ(got.loss, expected.loss) << i;
      EXPECT_EQ(got.gradient_norm, expected.gradient_norm) << i;
      EXPECT_TRUE(std::isfinite(got.loss) && got.gradient_norm > 0) << i;
      const MemoryStatistics now = memory_statistics(GetParam());
      // The second step is captured, and keeps its memory: the eager run needs other memory in the third.
      if (i == 2) {
        third = now;
      } else if (i > 2) {
        EXPECT_EQ(now.in_use, third.in_use) << i;
        EXPECT_EQ(now.misses, third.misses) << i;
      }
    }
    EXPECT_TRUE(captured.state() == eager.state());
  }
}

TEST_P(TrainingSteps, DrawAndLearnAnewAtEveryReplay) {
  // Every step uses the same beats at a learning rate of 0: only dropout changes the loss.
  Training run(GetParam(), tiny_recipe(), true);
  std::vector<double> losses;
  for (std::int64_t i = 0; i < 4; ++i) {
    Batch batch = batch_of(4, 0);
    batch.step = i;
    losses.push_back(run.step.take(batch, 0).loss);
  }
  EXPECT_NE(losses[2], losses[1]);
  EXPECT_NE(losses[3], losses[2]);
  // At a higher learning rate a replay changes the weights.
  const std::vector<float> before = run.network.parameters().values().to_vector(run.stream);
  run.step.take(batch_of(4, 4), 0.01);
  EXPECT_NE(run.network.parameters().values().to_vector(run.stream), before);
}

TEST_P(TrainingSteps, OfAnotherSizeAreCapturedAnew) {
  Training eager(GetParam(), tiny_recipe(), false);
  Training captured(GetParam(), tiny_recipe(), true);
  std::int64_t step = 0;
  for (const std::int64_t n : {3, 3, 3, 2, 2, 2, 3, 3}) {
    const Batch batch = batch_of(n, step++);
    EXPECT_EQ(captured.step.take(batch, 1e-3).loss, eager.step.take(batch, 1e-3).loss);
  }
  EXPECT_TRUE(captured.state() == eager.state());
}

// Groups of several sizes run kernel by kernel and as graphs. One group contains a batch of another size.
TEST_P(TrainingSteps, TakenTogetherEqualThoseTakenOneByOne) {
  const Recipe recipe = tiny_recipe({"train.clip_norm=0.5"});
  Training expected(GetParam(), recipe, false);
  Training eager(GetParam(), recipe, false);
  Training captured(GetParam(), recipe, true);
  std::int64_t step = 0;
  for (const std::int64_t count : {3, 1, 4, 5, 2}) {
    std::vector<Batch> batches;
    std::vector<double> rates;
    std::vector<StepResult> one_by_one;
    for (std::int64_t i = 0; i < count; ++i) {
      batches.push_back(batch_of(step == 9 ? 3 : 4, step));
      rates.push_back(1e-2 / static_cast<double>(++step));
      one_by_one.push_back(expected.step.take(batches.back(), rates.back()));
    }
    for (Training* together : {&eager, &captured}) {
      const std::vector<StepResult> results = together->step.take(batches, rates);
      ASSERT_EQ(results.size(), one_by_one.size());
      for (std::size_t i = 0; i < results.size(); ++i) {
        EXPECT_EQ(results[i].loss, one_by_one[i].loss) << "of " << count << ", " << i;
        EXPECT_EQ(results[i].gradient_norm, one_by_one[i].gradient_norm) << "of " << count << ", " << i;
      }
    }
  }
  EXPECT_TRUE(eager.state() == expected.state());
  EXPECT_TRUE(captured.state() == expected.state());
}

// Steps that are to be profiled run kernel by kernel before or after a graph exists, and the graph stays valid.
TEST_P(TrainingSteps, EagerBetweenReplaysKeepTheBits) {
  const Recipe recipe = tiny_recipe({"train.clip_norm=0.5"});
  Training expected(GetParam(), recipe, true);
  Training early(GetParam(), recipe, true);  // the profile of sectrain: from the second step on
  Training late(GetParam(), recipe, true);   // after the capture
  for (std::int64_t i = 0; i < 8; ++i) {
    const Batch batch = batch_of(4, i);
    const double rate = 1e-2;
    const StepResult result = expected.step.take(batch, rate);
    EXPECT_EQ(early.step.take({&batch, 1}, {&rate, 1}, i == 1 || i == 2)[0].loss, result.loss) << i;
    EXPECT_EQ(late.step.take({&batch, 1}, {&rate, 1}, i == 4 || i == 5)[0].loss, result.loss) << i;
  }
  EXPECT_TRUE(early.state() == expected.state());
  EXPECT_TRUE(late.state() == expected.state());
}

// Whatever a step uploads is in pinned memory: inputs, targets of every loss, and the values of the step.
TEST_P(TrainingSteps, UploadWithoutStaging) {
  for (const std::string loss : {"cross_entropy", "bce"}) {
    Training run(GetParam(), tiny_recipe({"loss.kind=" + loss}), true);
    std::vector<Batch> batches;
    for (std::int64_t i = 0; i < 6; ++i) {
      batches.push_back(batch_of(4, i));
      if (loss == "bce" && i % 2 == 1) {
        batches.back().targets = one_hot(batches.back().labels, 2);
      }
    }
    const UploadCounts before = upload_counts();
    for (const Batch& batch : batches) {
      run.step.take(batch, 1e-3);
    }
    const UploadCounts after = upload_counts();
    EXPECT_EQ(after.staged, before.staged) << loss;
    // x, covariates, targets and the values of the step; on cpu nothing is uploaded.
    EXPECT_EQ(after.direct - before.direct, GetParam() == Device::cpu ? 0 : 4 * batches.size()) << loss;
  }
}

// A step that is not finite stops learning, and its gradient remains for diagnosis.
TEST_P(TrainingSteps, TakenTogetherEndWithTheFirstThatIsNotFinite) {
  const Recipe recipe = tiny_recipe({"train.average_decay=0"});
  Training expected(GetParam(), recipe, true);
  Training together(GetParam(), recipe, true);
  std::vector<Batch> batches;
  for (std::int64_t i = 0; i < 5; ++i) {
    batches.push_back(batch_of(3, i));
  }
  batches[3].covariates[2] = INFINITY;
  const std::vector<double> rates(5, 1e-2);
  for (std::size_t i = 0; i < 4; ++i) {
    expected.step.take(batches[i], rates[i]);
  }
  const std::vector<StepResult> results = together.step.take(batches, rates);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(std::isfinite(results[i].gradient_norm), i < 3) << i;
  }
  const auto values = [](Training& run) { return run.network.parameters().values().to_vector(run.stream); };
  EXPECT_EQ(values(together), values(expected));
  // NaN does not equal itself, so compare only the finite elements of the gradient.
  const std::vector<float> got = together.network.parameters().gradients().to_vector(together.stream);
  const std::vector<float> wanted = expected.network.parameters().gradients().to_vector(expected.stream);
  std::int64_t finite = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(std::isfinite(got[i]), std::isfinite(wanted[i])) << i;
    if (std::isfinite(wanted[i])) {
      EXPECT_EQ(got[i], wanted[i]) << i;
      ++finite;
    }
  }
  EXPECT_LT(finite, std::ssize(wanted));
  // Training continues with finite steps.
  EXPECT_TRUE(std::isfinite(together.step.take(batches[4], 1e-2).gradient_norm));
  EXPECT_NE(values(together), values(expected));
}

// In a network so wide and long, kernels split their work.
// Some kernels have more pieces than there are threads, others fewer.
TEST(TrainingStepsOnCpu, HaveTheSameBitsForAnyNumberOfThreads) {
  const model::SeEcgNetOptions wide{2, 400, 2, 1, 16, false, 0.2};
  const auto run = [&](int count) {
    set_threads(count);
    Training training(Device::cpu, tiny_recipe({"train.clip_norm=0.5"}), true, wide);
    std::vector<std::vector<float>> all;
    for (std::int64_t i = 0; i < 4; ++i) {  // kernel by kernel, captured, replayed twice
      const StepResult result = training.step.take(batch_of(5, i, wide), 1e-2);
      all.push_back({static_cast<float>(result.loss), static_cast<float>(result.gradient_norm)});
    }
    for (std::vector<float>& buffer : training.state()) {
      all.push_back(std::move(buffer));
    }
    return all;
  };
  const std::vector<std::vector<float>> one = run(1);
  for (const int count : {2, 3, 5}) {
    EXPECT_TRUE(run(count) == one) << count << " threads";
  }
  set_threads(0);
}

double length_of(const std::vector<float>& values) {
  double squares = 0;
  for (const float value : values) {
    squares += static_cast<double>(value) * value;
  }
  return std::sqrt(squares);
}

// Uses SGD, because the first steps of Adam follow the signs even of gradients that are pure rounding error.
TEST_P(TrainingSteps, AgreeWithCpu) {
  const Recipe recipe = tiny_recipe({"train.optimizer=sgd", "train.clip_norm=0.5"});
  Training here(GetParam(), recipe, true, longer);
  Training cpu(Device::cpu, recipe, true, longer);
  for (std::int64_t i = 0; i < 2; ++i) {
    const StepResult got = here.step.take(batch_of(6, i, longer), 0.02);
    const StepResult expected = cpu.step.take(batch_of(6, i, longer), 0.02);
    EXPECT_NEAR(got.loss, expected.loss, 2e-5 * expected.loss) << i;
    EXPECT_NEAR(got.gradient_norm, expected.gradient_norm, 1e-3 * expected.gradient_norm) << i;
    // Sums in other orders change a gradient by some 1e-5 of its length, and by 1e-4 after a step.
    // Only two steps are compared, because eventually the sign of a ReLU's input near zero differs.
    const auto all = here.state();
    const auto others = cpu.state();
    for (std::size_t k = 0; k < all.size(); ++k) {
      ASSERT_EQ(all[k].size(), others[k].size());
      std::vector<float> difference = all[k];
      for (std::size_t j = 0; j < difference.size(); ++j) {
        difference[j] -= others[k][j];
      }
      EXPECT_LE(length_of(difference), 1e-3 * length_of(others[k])) << "step " << i << ", buffer " << k;
    }
  }
}

// The network memorises one batch in every precision; the losses on the way differ.
TEST_P(TrainingSteps, LowerTheLossInEveryPrecision) {
  if (GetParam() == Device::cpu) {
    GTEST_SKIP() << "cpu computes in f32 alone";
  }
  const model::SeEcgNetOptions wide{2, 250, 2, 1, 16, false, 0};
  const auto losses = [&](Precision precision) {
    Training run(GetParam(), tiny_recipe({"train.average_decay=0"}), true, wide, precision);
    std::vector<double> all;
    for (std::int64_t i = 0; i < 5; ++i) {
      Batch batch = batch_of(6, 0, wide);
      batch.step = i;
      all.push_back(run.step.take(batch, 2e-3).loss);
    }
    return all;
  };
  std::set<double> first;
  for (const Precision precision : {Precision::f32, Precision::tf32, Precision::bf16}) {
    const std::vector<double> got = losses(precision);
    EXPECT_LT(got.back(), 0.5 * got.front()) << name_of(precision);
    first.insert(got.front());
  }
  EXPECT_EQ(first.size(), 3U) << "two of them computed the same";
}

INSTANTIATE_TEST_SUITE_P(All, TrainingSteps, testing::Values(Device::cpu, Device::simt, Device::cuda),
                         [](const auto& one) { return std::string(name_of(one.param)); });

}  // namespace
}  // namespace sec::train
