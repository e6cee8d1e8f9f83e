#include "train/loop/trainer.h"

#include <cmath>

#include "engine/parallel.h"
#include "io/models/safetensors.h"
#include "kernels/table.h"
#include "layers/accumulate.h"
#include "model/se_ecgnet.h"
#include "tests/train/tiny_run.h"
#include "train/loop/diagnose.h"
#include "train/loop/objective.h"
#include "train/scoring/evaluate.h"

namespace sec::train {
namespace {

using io::content_of;
using io::error_of;
using io::TemporaryFolder;

const BeatSplits& tiny_dataset() {
  static const BeatSplits data = load_beat_splits(tiny_recipe(), tiny_database());
  return data;
}

TrainerOptions options_in(const std::filesystem::path& folder, const Recipe& recipe) {
  TrainerOptions options;
  options.recipe = recipe;
  options.folder = folder;
  return options;
}

TEST(Trainer, LearnsOnATinyDatabase) {
  const TemporaryFolder folder;
  const Recipe recipe = tiny_recipe({"train.epochs=8"});
  Trainer trainer(options_in(folder.path(), recipe), tiny_dataset());
  EXPECT_EQ(trainer.run(), TrainingEnd::finished);
  const std::vector<EpochRecord>& history = trainer.progress().history;
  ASSERT_EQ(history.size(), 8U);
  EXPECT_LT(history.back().train_loss, 0.6 * history.front().train_loss);
  EXPECT_EQ(history.back().step, 80);
  EXPECT_TRUE(trainer.progress().finished);
  Classifier classifier = trainer.load_chosen();
  const TestResult result = evaluate(classifier, tiny_dataset().test, 5);
  EXPECT_EQ(result.records.size(), 2U);
  std::int64_t beats = 0;
  for (const RecordScore& r : result.records) {
    beats += r.scores.confusion.total();
  }
  EXPECT_EQ(beats, static_cast<std::int64_t>(tiny_dataset().test.beats(true).size()));
}

TEST(Trainer, SameBitsForAnyNumberOfThreads) {
  std::string expected;
  for (const int threads : {1, 2, 3}) {
    for (const int loaders : {0, 1, 3}) {
      const TemporaryFolder folder;
      set_threads(threads);
      Recipe recipe = tiny_recipe({"train.epochs=1"});
      recipe.train.loader_threads = loaders;
      Trainer trainer(options_in(folder.path(), recipe), tiny_dataset());
      trainer.run();
      // Compare only the weights: the recipe in the checkpoint holds the number of loader threads.
      Stream stream;
      const std::vector<float> values = trainer.network().parameters().values().to_vector(stream);
      const std::string bits(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
      expected = expected.empty() ? bits : expected;
      EXPECT_TRUE(bits == expected) << threads << " threads, " << loaders << " loader threads";
    }
  }
  set_threads(0);
}

TEST(Trainer, ResumesBitForBitFromEveryStop) {
  const TemporaryFolder whole;
  Trainer(options_in(whole.path(), tiny_recipe()), tiny_dataset()).run();
  for (const int steps : {1, 10, 17}) {  // within the first epoch, at its end, and within a later epoch
    const TemporaryFolder folder;
    std::atomic<bool> stop = false;
    TrainerOptions options = options_in(folder.path(), tiny_recipe());
    options.stop = &stop;
    options.on_step = [&](const StepReport& report) { stop = report.step == steps; };
    EXPECT_EQ(Trainer(options, tiny_dataset()).run(), TrainingEnd::interrupted);
    Trainer resumed(options_in(folder.path(), tiny_recipe()), tiny_dataset());
    resumed.resume();
    EXPECT_EQ(resumed.progress().step, steps);
    EXPECT_EQ(resumed.run(), TrainingEnd::finished);
    for (const char* name : {"last.safetensors", "best.safetensors"}) {
      EXPECT_TRUE(content_of(folder / name) == content_of(whole / name)) << name << " after " << steps;
    }
  }
}

// Epochs have ten steps, and checkpoints are four steps apart: both cut groups of three steps short.
TEST(Trainer, TakesStepsTogetherToTheSameBits) {
  const TemporaryFolder whole;
  Trainer(options_in(whole.path(), tiny_recipe()), tiny_dataset()).run();
  for (const int steps : {0, 1, 6, 9, 10}) {
    const TemporaryFolder folder;
    std::atomic<bool> stop = false;
    std::vector<std::int64_t> reported;
    TrainerOptions options = options_in(folder.path(), tiny_recipe());
    options.steps_at_once = 3;
    options.stop = &stop;
    options.on_step = [&](const StepReport& report) {
      stop = report.step == steps || stop;
      reported.push_back(report.step);
    };
    if (steps > 0) {
      EXPECT_EQ(Trainer(options, tiny_dataset()).run(), TrainingEnd::interrupted);
      EXPECT_TRUE(std::ssize(reported) >= steps && std::ssize(reported) < steps + 3) << reported.size();
      stop = false;
    }
    Trainer resumed(options, tiny_dataset());
    if (steps > 0) {
      resumed.resume();
      EXPECT_EQ(resumed.progress().step, std::ssize(reported));
    }
    stop = false;
    options.on_step = {};
    EXPECT_EQ(resumed.run(), TrainingEnd::finished);
    EXPECT_EQ(reported.size(), 30U);
    EXPECT_TRUE(std::is_sorted(reported.begin(), reported.end()));
    for (const char* name : {"last.safetensors", "best.safetensors"}) {
      EXPECT_TRUE(content_of(folder / name) == content_of(whole / name)) << name << " after " << steps;
    }
  }
}

TEST(Trainer, PatienceAndLastChooseEpochs) {
  const TemporaryFolder folder;
  // With a learning rate of almost zero no epoch after the first is better.
  Recipe recipe =
      tiny_recipe({"train.rate=1e-12", "train.epochs=9", "train.patience=2", "train.average_decay=0"});
  Trainer trainer(options_in(folder.path(), recipe), tiny_dataset());
  trainer.run();
  EXPECT_EQ(static_cast<int>(trainer.progress().history.size()), trainer.progress().best_epoch + 2);
  const TemporaryFolder other;
  Recipe last = tiny_recipe({"train.choose=last", "data.validation=[]", "train.epochs=2"});
  Trainer without(options_in(other.path(), last), tiny_dataset());
  without.run();
  EXPECT_EQ(without.progress().best_epoch, 2);
}

TEST(Checkpoint, RefusesAnotherNetworkRecipeAndData) {
  const TemporaryFolder folder;
  const Recipe recipe = tiny_recipe({"train.epochs=1"});
  Trainer(options_in(folder.path(), recipe), tiny_dataset()).run();
  const auto resume_error = [&](const Recipe& r, const BeatSplits& data) {
    return error_of([&] { Trainer(options_in(folder.path(), r), data).resume(); });
  };
  EXPECT_NE(resume_error(tiny_recipe({"train.epochs=1", "network.width=6"}), tiny_dataset())
                .find("was trained with network.width = 4, this recipe has 6"),
            std::string::npos);
  BeatSplits other = tiny_dataset();
  other.fingerprint = "fnv1a64:0";
  EXPECT_NE(resume_error(recipe, other).find("other data"), std::string::npos);
  // Keys that do not change results may differ.
  Recipe free = recipe;
  free.title = "another";
  free.train.loader_threads = 2;
  Trainer(options_in(folder.path(), free), tiny_dataset()).resume();

  // Weights with another shape, and a checkpoint of the wrong kind.
  Stream stream;
  model::SeEcgNet wider({3, 144, 2, 12, 6, false, 0.2}, stream, 1);
  const std::string error = error_of([&] { load_weights(folder / "best.safetensors", wider, stream); });
  EXPECT_NE(
      error.find("best.safetensors: does not fit this network: conv1.weight is F32 (50, 1, 4), expected F32 "
                 "(50, 1, 6)"),
      std::string::npos)
      << error;
  EXPECT_NE(error_of([&] { load_weights(folder / "last.safetensors", wider, stream); }).find("format"),
            std::string::npos);
  // Weights of another kind of network are refused before tensors are compared.
  io::SafetensorsFile file = io::read_safetensors(folder / "best.safetensors");
  std::string& network = file.metadata.at("network");
  network.replace(network.find("SE-ECGNet"), 9, "ResNet34-1d");
  io::write_safetensors(folder / "other.safetensors", file);
  EXPECT_EQ(error_of([&] { load_weights(folder / "other.safetensors", wider, stream); }),
            (folder / "other.safetensors").string() + ": holds ResNet34-1d, expected SE-ECGNet");
  network = "{}";
  io::write_safetensors(folder / "other.safetensors", file);
  EXPECT_NE(error_of([&] {
              load_weights(folder / "other.safetensors", wider, stream);
            }).find("does not describe a network"),
            std::string::npos);
}

TEST(Trainer, NonFiniteStepsNameTheirCause) {
  const TemporaryFolder folder;
  TrainerOptions options = options_in(folder.path(), tiny_recipe());
  options.steps_at_once = 3;
  Trainer trainer(options, tiny_dataset());
  layers::Parameter& weight = trainer.network().parameters().parameters().front();  // weights of the stem
  Stream stream;
  std::vector<float> huge(static_cast<std::size_t>(weight.shape.count()), 3e38F);
  copy_bytes(stream, weight.value.write().data, Device::cpu, huge.data(), Device::cpu,
             huge.size() * sizeof(float));
  const std::string overflow = error_of([&] { trainer.run(); });
  EXPECT_NE(
      overflow.find("step 1 (epoch 1): the loss is not finite: the first layer whose output is not finite is "
                    "conv with conv1.weight"),
      std::string::npos)
      << overflow;
  EXPECT_NE(overflow.find("batch: 1"), std::string::npos) << overflow;  // the record is 101, 106 or 119
  EXPECT_NE(overflow.find("(sample"), std::string::npos) << overflow;
  EXPECT_FALSE(std::filesystem::exists(folder / "best.safetensors"));

  huge.assign(huge.size(), std::nanf(""));
  copy_bytes(stream, weight.value.write().data, Device::cpu, huge.data(), Device::cpu,
             huge.size() * sizeof(float));
  EXPECT_NE(error_of([&] { trainer.run(); }).find("the weights conv1.weight are not finite"),
            std::string::npos);
}

// The validation loss, computed on the host in double precision, must agree with the loss kernels.
TEST(Objective, HostAndKernelLossesAgree) {
  const TemporaryFolder folder;
  for (const char* kind : {"cross_entropy", "focal", "bce"}) {
    const Recipe recipe = tiny_recipe({std::string("loss.kind=") + kind});
    Trainer trainer(options_in(folder.path(), recipe), tiny_dataset());
    trainer.run();
    Classifier classifier = trainer.load_chosen();
    const BeatDataset& inputs = tiny_dataset().validation;
    std::vector<ExampleId> beats = inputs.beats();
    const Prediction prediction = predict(classifier, inputs, beats);
    const Batch batch = make_batch(inputs, beats);
    Stream stream;
    layers::Pass pass;
    Tape tape(stream, layers::accumulate);
    const auto n = static_cast<std::int64_t>(beats.size());
    const Tensor logits = Tensor::from(stream, {n, 2}, std::span<const float>(prediction.logits));
    const Tensor targets =
        recipe.loss.kind == "cross_entropy"
            ? Tensor::from(stream, {n}, std::span(batch.labels))
            : Tensor::from(stream, {n, 2}, std::span<const float>(one_hot(batch.labels, 2)));
    double kernel = objective(pass, recipe, logits, targets, {}).value.to_vector(stream)[0];
    kernel /= std::string(kind) == "focal" ? static_cast<double>(n) : 1;
    // The tolerance covers f32 sums of some fifty terms.
    EXPECT_NEAR(mean_loss(prediction, beats, inputs, recipe), kernel, 1e-5 * kernel + 1e-6) << kind;
  }
}

TEST(Objective, ClassWeightsAndDecisionOffsets) {
  const BeatDataset& train = tiny_dataset().train;
  double n = 0, v = 0;
  for (const ExampleId id : train.beats()) {
    (train.beat(id).label == 0 ? n : v) += 1;
  }
  const std::vector<float> inverse = class_weights(tiny_recipe({"loss.class_weights=inverse"}), train);
  EXPECT_FLOAT_EQ(inverse[0], static_cast<float>((n + v) / (2 * n)));
  EXPECT_FLOAT_EQ(inverse[1], static_cast<float>((n + v) / (2 * v)));
  const std::vector<float> root = class_weights(tiny_recipe({"loss.class_weights=sqrt_inverse"}), train);
  EXPECT_FLOAT_EQ(root[1] * root[1], inverse[1]);
  EXPECT_TRUE(class_weights(tiny_recipe(), train).empty());
  const std::vector<float> offsets = decision_offsets(tiny_recipe({"decision.prior_power=1"}), train);
  const double drawn_n = std::sqrt(n) / (std::sqrt(n) + std::sqrt(v));
  EXPECT_NEAR(offsets[0], std::log(n / (n + v) / drawn_n), 1e-6);
  EXPECT_EQ(decision_offsets(tiny_recipe(), train), (std::vector<float>{0, 0}));
}

}  // namespace
}  // namespace sec::train
