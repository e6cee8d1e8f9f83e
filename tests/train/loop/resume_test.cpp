// Resumed runs: what a checkpoint restores, and which checkpoints are refused.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "io/models/safetensors.h"
#include "tests/train/tiny_run.h"
#include "train/loop/trainer.h"

namespace sec::train {
namespace {

using io::content_of;
using io::error_of;
using io::expect_error;
using io::TemporaryFolder;
using nlohmann::json;

const BeatSplits& tiny_dataset() {
  static const BeatSplits data = load_beat_splits(tiny_recipe(), tiny_database());
  return data;
}

TrainerOptions options_in(const TemporaryFolder& folder, const Recipe& recipe) {
  TrainerOptions options;
  options.recipe = recipe;
  options.folder = folder.path();
  return options;
}

// Data whose validation score in epoch e is scores[e - 1].
TrainingData scored(const Recipe& recipe, std::vector<double> scores) {
  TrainingData data = training_data(recipe, tiny_dataset());
  data.validate = [scores = std::move(scores)](Classifier&, EpochRecord& record) {
    record.validation_macro_f1 = scores.at(static_cast<std::size_t>(record.epoch) - 1);
    record.validation_f1 = {0.5, 0.5};
  };
  return data;
}

// Trains up to a step, counted from 1, as Ctrl-C would end it.
void train_until(std::int64_t step, TrainerOptions options, const TrainingData& data) {
  std::atomic<bool> stop = false;
  options.stop = &stop;
  options.on_step = [&](const StepReport& report) { stop = report.step == step; };
  EXPECT_EQ(Trainer(options, data).run(), TrainingEnd::interrupted);
}

void expect_same_files(const TemporaryFolder& a, const TemporaryFolder& b, const std::string& what) {
  for (const char* name : {"last.safetensors", "best.safetensors"}) {
    EXPECT_TRUE(content_of(a / name) == content_of(b / name)) << name << " " << what;
  }
}

// Epochs have ten steps. The first epoch is the best, and patience ends the run after the third.
TEST(Resuming, RestoresTheBestScoreAndThePatience) {
  const Recipe recipe = tiny_recipe({"train.epochs=9", "train.patience=2"});
  const TrainingData data = scored(recipe, {0.9, 0.5, 0.6, 0.7, 0.8, 0.7, 0.7, 0.7, 0.7});
  const TemporaryFolder whole;
  Trainer(options_in(whole, recipe), data).run();
  for (const std::int64_t stop : {9, 10, 15, 20, 25}) {
    const TemporaryFolder folder;
    train_until(stop, options_in(folder, recipe), data);
    Trainer resumed(options_in(folder, recipe), data);
    EXPECT_TRUE(resumed.resume().empty());
    EXPECT_EQ(resumed.run(), TrainingEnd::finished);
    EXPECT_EQ(resumed.progress().history.size(), 3U) << stop;
    EXPECT_EQ(resumed.progress().best_epoch, 1) << stop;
    EXPECT_EQ(resumed.progress().best_score, 0.9) << stop;
    expect_same_files(folder, whole, "after step " + std::to_string(stop));
  }
}

// A run that dies in its first step goes on from the checkpoint of step 0.
TEST(Resuming, WorksAfterADeathInTheFirstStep) {
  const Recipe recipe = tiny_recipe({"train.epochs=1", "train.checkpoint_steps=1000"});
  const TemporaryFolder whole;
  Trainer(options_in(whole, recipe), tiny_dataset()).run();
  const TemporaryFolder folder;
  TrainerOptions options = options_in(folder, recipe);
  options.on_step = [](const StepReport&) { throw Error("died"); };
  expect_error([&] { Trainer(options, tiny_dataset()).run(); }, "died");
  Trainer resumed(options_in(folder, recipe), tiny_dataset());
  resumed.resume();
  EXPECT_EQ(resumed.progress().step, 0);
  resumed.run();
  expect_same_files(folder, whole, "from step 0");
}

TEST(Validation, LeavesWeightsAndRunningStatisticsAsTheyWere) {
  const TemporaryFolder folder;
  const Recipe recipe = tiny_recipe({"train.epochs=2"});
  TrainingData data = training_data(recipe, tiny_dataset());
  Stream stream;
  std::vector<std::vector<float>> before, within, after;
  const auto buffers = [&](Trainer& trainer) {
    layers::ParameterSet& set = trainer.network().parameters();
    return std::vector{set.values().to_vector(stream), set.states().to_vector(stream)};
  };
  Trainer* running = nullptr;
  const auto validate = data.validate;
  data.validate = [&](Classifier& classifier, EpochRecord& record) {
    within = buffers(*running);
    validate(classifier, record);
  };
  TrainerOptions options = options_in(folder, recipe);
  options.on_step = [&](const StepReport&) { before = buffers(*running); };
  options.on_epoch = [&](const EpochRecord& record) {
    after = buffers(*running);
    EXPECT_TRUE(after == before) << "epoch " << record.epoch;
    EXPECT_NE(within[0], before[0]) << "averages of the weights were not in use";
    EXPECT_NE(within[1], before[1]) << "averages of the running statistics were not in use";
  };
  Trainer trainer(options, data);
  running = &trainer;
  trainer.run();
  EXPECT_FALSE(after.empty());
}

// The second epoch is worse, so the rate's drop after it reloads the first epoch's weights.
TEST(Reloading, StartsTheMovingAveragesAnew) {
  const TemporaryFolder folder;
  const Recipe recipe = tiny_recipe(
      {"train.epochs=4", "train.schedule=step", "train.step_epochs=[2.0]", "train.step_reload=true"});
  const TrainingData data = scored(recipe, {0.9, 0.5, 0.5, 0.5});
  std::atomic<bool> stop = false;
  TrainerOptions options = options_in(folder, recipe);
  options.stop = &stop;
  options.on_epoch = [&](const EpochRecord& record) { stop = record.epoch == 2; };
  Trainer trainer(options, data);
  EXPECT_EQ(trainer.run(), TrainingEnd::interrupted);
  const io::SafetensorsFile last = io::read_safetensors(folder / "last.safetensors");
  const auto stored = [&](const char* name) {
    const std::span<const float> values = last.at(name).as<float>(name);
    return std::vector<float>(values.begin(), values.end());
  };
  Stream stream;
  layers::ParameterSet& set = trainer.network().parameters();
  EXPECT_TRUE(stored("average.parameters") == set.values().to_vector(stream));
  EXPECT_TRUE(stored("average.states") == set.states().to_vector(stream));
  const io::SafetensorsFile best = io::read_safetensors(folder / "best.safetensors");
  EXPECT_TRUE(best.at("conv1.weight").bytes == last.at("conv1.weight").bytes);
}

class Checkpoints : public testing::Test {
 protected:
  // A run of three epochs, stopped in the third.
  void SetUp() override { train_until(25, options_in(folder_, recipe_), data_); }

  // The error of resuming after a change of a file, which is then restored.
  std::string refusal(const std::string& name,
                      const std::function<void(io::SafetensorsFile&)>& change) const {
    const std::string before = content_of(folder_ / name);
    io::SafetensorsFile file = io::read_safetensors(folder_ / name);
    change(file);
    io::write_safetensors(folder_ / name, file);
    std::string error = error_of([&] { Trainer(options_in(folder_, recipe_), data_).resume(); });
    folder_.write(name, before);
    return error;
  }

  Recipe recipe_ = tiny_recipe();
  TrainingData data_ = scored(recipe_, {0.5, 0.9, 0.4});
  TemporaryFolder folder_;
};

TEST_F(Checkpoints, WithImpossibleProgressAreRefused) {
  const std::pair<const char*, const char*> changes[] = {
      {R"({"step": -1})", "expected an integer from 0"},
      {R"({"step": 9223372036854775808})", "expected an integer from 0"},
      {R"({"step": 1e300})", "expected an integer from 0"},
      {R"({"step": 2.5})", "expected an integer from 0"},
      {R"({"step": "25"})", "expected an integer from 0"},
      {R"({"step": 31})", "step 31 with 2 epochs"},
      {R"({"step": 5})", "2 epochs of history at step 5"},
      {R"({"step": 1000000007})", "step 1000000007"},
      {R"({"epoch_loss": "much"})", "expected a number"},
      {R"({"epoch_loss": null})", "expected a number"},
      {R"({"best_score": []})", "expected a number"},
      {R"({"best_epoch": 3})", "best_epoch = 3, expected an integer from 0 to 2"},
      {R"({"best_epoch": -1})", "best_epoch = -1"},
      {R"({"best_epoch": 1})",
       "best.safetensors: holds the weights of epoch 2, but the run has chosen epoch 1"},
      {R"({"epochs_without_gain": 4294967296})", "epochs_without_gain"},
      {R"({"finished": 1})", "progress cannot be read"},
      {R"({"history": {}})", "not a list"},
      {R"({"history": null})", "not a list"},
      {R"({"history": [1, 2]})", "progress cannot be read"},
      {R"({"history": [], "best_epoch": 0, "epochs_without_gain": 0, "finished": true})", "finished without"},
      {R"({"history": [], "best_epoch": 0, "epochs_without_gain": 0})", "0 epochs of history at step 25"},
  };
  for (const auto& [text, says] : changes) {
    const char* const change = text;  // lambdas of clang 14 cannot capture structured bindings
    const std::string error = refusal("last.safetensors", [&](io::SafetensorsFile& file) {
      json progress = json::parse(file.metadata.at("progress"));
      progress.update(json::parse(change));
      file.metadata["progress"] = progress.dump();
    });
    EXPECT_NE(error.find(says), std::string::npos) << change << ": " << error;
  }
  const std::pair<const char*, const char*> entries[] = {
      {R"({"validation_f1": [0.5, 0.5, 0.5, 0.5, 0.5, 0.5]})", "6 scores for 2 classes"},
      {R"({"validation_f1": [0.5]})", "1 scores for 2 classes"},
      {R"({"validation_f1": 0.5})", "validation_f1 that is not a list"},
      {R"({"validation_f1": ["x", "y"]})", "progress cannot be read"},
      {R"({"epoch": 7})", "lists epoch 7 as number 2"},
      {R"({"step": 19})", "ends epoch 2 at step 19"},
      {R"({"learning_rate": "fast"})", "expected a number"},
  };
  for (const auto& [text, says] : entries) {
    const char* const change = text;
    const std::string error = refusal("last.safetensors", [&](io::SafetensorsFile& file) {
      json progress = json::parse(file.metadata.at("progress"));
      progress["history"][1].update(json::parse(change));
      file.metadata["progress"] = progress.dump();
    });
    EXPECT_NE(error.find(says), std::string::npos) << change << ": " << error;
  }
  const std::string more = refusal("last.safetensors", [&](io::SafetensorsFile& file) {
    json progress = json::parse(file.metadata.at("progress"));
    for (int epoch = 3; epoch < 9; ++epoch) {
      progress["history"].push_back(progress["history"].back());
      progress["history"].back()["epoch"] = epoch;
      progress["history"].back()["step"] = 10 * epoch;
    }
    file.metadata["progress"] = progress.dump();
  });
  EXPECT_NE(more.find("8 epochs of history, but the run has 3 epochs of 10 steps"), std::string::npos)
      << more;
}

TEST_F(Checkpoints, WithOneChangedBitAreRefused) {
  for (const char* name : {"last.safetensors", "best.safetensors"}) {
    const auto flip = [](io::SafetensorsFile& file) {
      file.tensors.at("conv1.weight").bytes[17] ^= std::byte{1};
    };
    if (std::string(name) == "last.safetensors") {
      EXPECT_NE(refusal(name, flip).find("last.safetensors: the file is damaged"), std::string::npos);
      continue;
    }
    io::SafetensorsFile file = io::read_safetensors(folder_ / name);
    flip(file);
    io::write_safetensors(folder_ / "damaged.safetensors", file);
    Trainer trainer(options_in(folder_, recipe_), data_);
    Stream stream;
    expect_error([&] { load_weights(folder_ / "damaged.safetensors", trainer.network(), stream); },
                 "damaged.safetensors: the file is damaged");
    // The signs of two weights at once, which the upper bits of two units hold.
    io::SafetensorsFile signs = io::read_safetensors(folder_ / name);
    signs.tensors.at("conv1.weight").bytes[7] ^= std::byte{0x80};
    signs.tensors.at("conv1.weight").bytes[15] ^= std::byte{0x80};
    io::write_safetensors(folder_ / "damaged.safetensors", signs);
    expect_error([&] { load_weights(folder_ / "damaged.safetensors", trainer.network(), stream); },
                 "damaged");
  }
}

// Weights of a run that differs only by its seed have the same names and shapes.
TEST_F(Checkpoints, WithChosenWeightsOfAnotherRunAreRefused) {
  const TemporaryFolder other;
  const Recipe seeded = tiny_recipe({"seed=9"});
  train_until(25, options_in(other, seeded), scored(seeded, {0.5, 0.9, 0.4}));
  const auto resume = [&] { Trainer(options_in(folder_, recipe_), data_).resume(); };
  resume();
  folder_.write("best.safetensors", content_of(other / "best.safetensors"));
  expect_error(resume, "best.safetensors: holds the weights of another run");
  // The same with files of before, which name no run: their recipes differ.
  for (const char* name : {"best.safetensors", "last.safetensors"}) {
    io::SafetensorsFile file = io::read_safetensors(folder_ / name);
    for (const char* key : {"run", "checksum", "instruction_set", "program"}) {
      file.metadata.erase(key);
    }
    io::write_safetensors(folder_ / name, file);
  }
  expect_error(resume, "best.safetensors: was trained with seed = 9");
  std::filesystem::remove(folder_ / "best.safetensors");
  expect_error(resume, "best.safetensors: cannot open");
}

TEST_F(Checkpoints, OfAnotherRunAreRefusedWhenWeightsAreChosen) {
  const TemporaryFolder other;
  const Recipe seeded = tiny_recipe({"seed=9"});
  train_until(25, options_in(other, seeded), scored(seeded, {0.5, 0.9, 0.4}));
  Trainer trainer(options_in(folder_, recipe_), data_);
  trainer.resume();
  trainer.run();
  folder_.write("best.safetensors", content_of(other / "best.safetensors"));
  expect_error([&] { trainer.load_chosen(); }, "holds the weights of another run");
}

TEST_F(Checkpoints, OfBeforeAreRead) {
  const TemporaryFolder whole;
  Trainer(options_in(whole, recipe_), data_).run();
  for (const char* name : {"best.safetensors", "last.safetensors"}) {
    io::SafetensorsFile file = io::read_safetensors(folder_ / name);
    for (const char* key : {"run", "checksum", "instruction_set", "program"}) {
      file.metadata.erase(key);
    }
    io::write_safetensors(folder_ / name, file);
  }
  Trainer resumed(options_in(folder_, recipe_), data_);
  EXPECT_TRUE(resumed.resume().empty());
  resumed.run();
  resumed.load_chosen();
  EXPECT_TRUE(content_of(folder_ / "last.safetensors") == content_of(whole / "last.safetensors"));
}

TEST_F(Checkpoints, OfAnotherBuildOrInstructionSetWarn) {
  io::SafetensorsFile file = io::read_safetensors(folder_ / "last.safetensors");
  const std::string here = file.metadata.at("instruction_set");
  file.metadata["instruction_set"] = "avx1024";
  file.metadata["program"] = "sectrain 0.0.1";
  io::write_safetensors(folder_ / "last.safetensors", file);
  TrainerOptions options = options_in(folder_, recipe_);
  options.program = "sectrain 0.0.2";
  Trainer resumed(options, data_);
  const std::vector<std::string> warnings = resumed.resume();
  ASSERT_EQ(warnings.size(), 2U);
  EXPECT_NE(warnings[0].find("instruction set avx1024 and goes on with " + here), std::string::npos)
      << warnings[0];
  EXPECT_NE(warnings[1].find("by sectrain 0.0.1 and goes on with sectrain 0.0.2"), std::string::npos)
      << warnings[1];
  EXPECT_EQ(resumed.instruction_set(), "avx1024, " + here);
  // The sets of both parts of the run are in the next checkpoint.
  resumed.run();
  Trainer again(options, data_);
  EXPECT_TRUE(again.resume().empty());
  EXPECT_EQ(again.instruction_set(), "avx1024, " + here);
}

}  // namespace
}  // namespace sec::train
