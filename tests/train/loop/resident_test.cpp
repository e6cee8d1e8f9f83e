// Compares batches gathered from examples in device memory with those of the loader.
#include "train/loop/resident.h"

#include <algorithm>
#include <cmath>

#include "engine/stream.h"
#include "tests/train/tiny_run.h"
#include "train/data/beat_splits.h"
#include "train/data/loader.h"
#include "train/data/recording_dataset.h"
#include "train/loop/trainer.h"

namespace sec::train {
namespace {

using io::content_of;
using io::error_of;
using io::TemporaryFolder;

class Resident : public testing::TestWithParam<Device> {
 protected:
  void SetUp() override {
    const std::string reason = why_unavailable(GetParam());
    if (!reason.empty()) {
      GTEST_SKIP() << "NOT TESTED on " << name_of(GetParam()) << ": " << reason;
    }
  }

  // simt calls the host's math functions, so results are bitwise equal.
  // On a GPU exp() is off by one or two ulp. It scales values of some millivolts.
  // Other functions are computed in double and rarely round differently.
  void expect_same(std::span<const float> got, std::span<const float> expected) {
    ASSERT_EQ(got.size(), expected.size());
    if (GetParam() == Device::simt) {
      EXPECT_TRUE(std::ranges::equal(got, expected));
      return;
    }
    for (std::size_t i = 0; i < got.size(); ++i) {
      ASSERT_NEAR(got[i], expected[i], 1e-6 * (4 + std::abs(expected[i]))) << i;
    }
  }

  // The batch of a late step, which contains an example twice.
  void compare(const Dataset& examples, const Recipe& recipe) {
    OwnedStream stream(GetParam());
    const std::vector<ExampleId> ids = examples.labelled();
    const auto seed = static_cast<std::uint64_t>(recipe.seed);
    std::vector<std::int32_t> index;
    std::vector<ExampleId> beats;
    for (std::int32_t i = 0; i < 23; ++i) {
      index.push_back(i % 11 * 5 % static_cast<std::int32_t>(ids.size()));
      beats.push_back(examples.drawn(ids[static_cast<std::size_t>(index.back())], seed, 70, i));
    }
    const Batch expected = training_batch(examples, recipe, seed, 70, beats);
    const ResidentDataset resident(examples, recipe, stream);
    EXPECT_EQ(resident.size(), std::ssize(ids));
    const Tensor now = Tensor::from(stream, {5}, std::vector<std::int32_t>{70, 0, 0, 0, 0});
    const ResidentDataset::Gathered got =
        resident.gather(stream, Tensor::from(stream, {23}, std::span<const std::int32_t>(index)),
                        static_cast<const kernels::StepValues*>(now.read().data));
    EXPECT_EQ(got.x.shape(), (Shape{23, examples.length(), examples.leads(), 1}));
    expect_same(got.x.to_vector(stream), expected.x);
    expect_same(got.covariates.to_vector(stream), expected.covariates);
    if (recipe.loss.kind == "cross_entropy") {
      PinnedVector<std::int32_t> labels(23);
      copy_bytes(stream, labels.data(), Device::cpu, got.targets.read().data, GetParam(), 4 * labels.size());
      EXPECT_TRUE(std::ranges::equal(labels, expected.labels));
    } else if (!expected.targets.empty()) {
      EXPECT_TRUE(std::ranges::equal(got.targets.to_vector(stream), expected.targets));
    } else {
      const std::vector<float> rows = got.targets.to_vector(stream);
      for (std::size_t n = 0; n < 23; ++n) {
        EXPECT_EQ(rows[2 * n + 1], static_cast<float>(expected.labels[n]));
        EXPECT_EQ(rows[2 * n], static_cast<float>(1 - expected.labels[n]));
      }
    }
  }
};

TEST_P(Resident, BeatsAreThoseOfTheLoader) {
  const std::vector<std::string> more = {"augment.gain_noise=0.05", "augment.offset=0.05"};
  for (const std::vector<std::string>& changes :
       {std::vector<std::string>{},
        more,
        {"input.channels=['lead2', 'lead2-difference', 'rhythm']", "loss.kind=focal"},
        {"augment.scale=0", "augment.noise=0", "augment.wander=0", "augment.shift=0", "augment.lead_drop=0",
         "augment.covariate_noise=0", "augment.covariate_drop=0"}}) {
    const Recipe recipe = tiny_recipe(changes);
    compare(
        BeatDataset(recipe, load_records(tiny_database(), std::vector<std::string>{"106", "208"}, recipe)),
        recipe);
  }
}

TEST_P(Resident, SequencesAreThoseOfTheLoader) {
  const Recipe recipe =
      tiny_recipe({"input.beats=3", "input.covariates=['intervals']", "network.model=bircnn"});
  compare(BeatDataset(recipe, load_records(tiny_database(), std::vector<std::string>{"106"}, recipe)),
          recipe);
}

TEST_P(Resident, RecordingsAreThoseOfTheLoader) {
  Recipe recipe = tiny_recipe({"augment.gain_noise=0.05", "augment.offset=0.05", "augment.shift=0.2"});
  recipe.data.leads = {"I", "II", "V1"};
  recipe.data.length = 800;  // the batch has more cells than one block computes
  recipe.data.seconds = 8;
  recipe.input.covariates = {"age", "sex"};
  recipe.loss.kind = "bce";
  recipe.augment.lead_drop = 0.6;
  std::vector<LoadedRecording> all(12);
  for (std::size_t r = 0; r < all.size(); ++r) {
    for (std::size_t i = 0; i < 2400; ++i) {
      all[r].x.push_back(std::sin(0.01F * static_cast<float>(i * (r + 1))));
    }
    all[r].covariates = {static_cast<float>(r), 1};
    all[r].targets = {static_cast<float>(r % 2), static_cast<float>(r % 3 == 0)};
  }
  const auto shared = std::make_shared<const std::vector<LoadedRecording>>(std::move(all));
  compare(RecordingDataset(recipe, shared, {1, 2, 3, 5, 7, 11}), recipe);
  recipe.data.crop = 2.5;
  compare(RecordingDataset(recipe, shared, {1, 2, 3, 5, 7, 11}), recipe);
}

class ResidentTraining : public Resident {
 protected:
  static const BeatSplits& data() {
    static const BeatSplits tiny = load_beat_splits(recipe(), tiny_database());
    return tiny;
  }
  // Five steps, with a checkpoint before the last step.
  static Recipe recipe() { return tiny_recipe({"sampler.epoch_samples=80", "train.epochs=1"}); }

  TrainerOptions options(OwnedStream& stream, const TemporaryFolder& folder, bool resident) {
    TrainerOptions options;
    options.recipe = recipe();
    options.stream = stream.get();
    options.resident = resident;
    options.folder = folder.path();
    return options;
  }
};

TEST_P(ResidentTraining, LeavesTheSameWeightsAlsoResumed) {
  OwnedStream stream(GetParam());
  std::vector<double> expected;
  const TemporaryFolder off;
  TrainerOptions plain = options(stream, off, false);
  plain.on_step = [&](const StepReport& report) { expected.push_back(report.loss); };
  Trainer(plain, data()).run();

  std::vector<double> losses;
  std::atomic<bool> stop = false;
  const TemporaryFolder on;
  TrainerOptions resident = options(stream, on, true);
  resident.steps_at_once = 3;
  resident.stop = &stop;
  resident.on_step = [&](const StepReport& report) {
    losses.push_back(report.loss);
    stop = true;
  };
  EXPECT_EQ(Trainer(resident, data()).run(), TrainingEnd::interrupted);
  EXPECT_EQ(losses.size(), 3U);
  Trainer resumed(resident, data());
  resumed.resume();
  stop = false;
  while (resumed.run() == TrainingEnd::interrupted) {
    stop = false;
  }
  ASSERT_EQ(losses.size(), 5U);
  if (GetParam() == Device::simt) {
    EXPECT_EQ(losses, expected);
    EXPECT_TRUE(content_of(on / "last.safetensors") == content_of(off / "last.safetensors"));
    return;
  }
  for (std::size_t i = 0; i < losses.size(); ++i) {
    EXPECT_NEAR(losses[i], expected[i], 1e-3 * expected[i])
        << i;  // inputs differ by an ulp in each of 5 steps
  }
}

TEST_P(ResidentTraining, NamesTheCauseOfAStepThatIsNotFinite) {
  OwnedStream stream(GetParam());
  std::vector<std::string> messages;
  for (const bool resident : {false, true}) {
    const TemporaryFolder folder;
    Trainer trainer(options(stream, folder, resident), data());
    layers::Parameter& stem = trainer.network().parameters().parameters().front();
    stem.value.assign(stream, std::vector<float>(static_cast<std::size_t>(stem.shape.count()), 3e38F));
    messages.push_back(error_of([&] { trainer.run(); }));
  }
  EXPECT_NE(messages[0].find("is conv with conv1.weight"), std::string::npos) << messages[0];
  EXPECT_EQ(messages[1], messages[0]);
}

// A dataset with a single example of a petabyte.
class Endless final : public Dataset {
 public:
  std::int64_t length() const override { return std::int64_t{1} << 48; }
  std::int64_t leads() const override { return 1; }
  std::int64_t covariates() const override { return 0; }
  std::vector<ExampleId> labelled() const override { return {{0, 0}}; }
  int label(ExampleId) const override { return 0; }
  std::span<const float> targets(ExampleId) const override { return {}; }
  void make(ExampleId, std::span<float>, std::span<float>) const override {}
  void augment(const Recipe&, std::uint64_t, std::int64_t, std::int64_t, std::span<float>,
               std::span<float>) const override {}
  ExampleLayout layout(const Recipe&) const override { return {}; }
  std::string text(std::span<const ExampleId>) const override { return {}; }
};

TEST(ResidentMemory, WhatDoesNotFitIsSaid) {
  const Recipe recipe = tiny_recipe();
  const BeatDataset inputs(recipe, load_records(tiny_database(), std::vector<std::string>{"106"}, recipe));
  const std::int64_t words = inputs.length() * 3 + inputs.covariates() + 1;
  EXPECT_EQ(resident_bytes(inputs, recipe), 4 * words * std::ssize(inputs.beats()));
  EXPECT_EQ(why_not_resident(inputs, recipe, Device::simt), "");
  const std::string reason = why_not_resident(Endless(), recipe, Device::simt);
  EXPECT_EQ(reason.find("the training examples need 1125899907 MB, half of the free memory of simt is "), 0U)
      << reason;
  Stream cpu;
  EXPECT_NE(error_of([&] { ResidentDataset(inputs, recipe, cpu); }).find("device cpu"), std::string::npos);
}

const auto device_name = [](const auto& one) { return std::string(name_of(one.param)); };
INSTANTIATE_TEST_SUITE_P(Devices, Resident, testing::Values(Device::simt, Device::cuda), device_name);
INSTANTIATE_TEST_SUITE_P(Devices, ResidentTraining, testing::Values(Device::simt, Device::cuda), device_name);

}  // namespace
}  // namespace sec::train
