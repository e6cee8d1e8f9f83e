// Weights of single epochs: which are kept, that they are those that were validated, and that kills change nothing.
#include "train/loop/kept_epochs.h"

#include <gtest/gtest.h>

#include <cmath>

#include "io/models/safetensors.h"
#include "tests/train/tiny_run.h"
#include "train/loop/run_folder.h"
#include "train/loop/trainer.h"

namespace sec::train {
namespace {

using io::content_of;
using io::expect_error;
using io::TemporaryFolder;

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

std::vector<int> epochs_in(const TemporaryFolder& folder) {
  std::vector<int> epochs;
  for (const KeptEpoch& kept : kept_epochs(folder.path())) {
    EXPECT_TRUE(std::filesystem::exists(kept.file));
    epochs.push_back(kept.epoch);
  }
  return epochs;
}

// The file of the chosen epoch has the bytes of best.safetensors, so what is kept is what was validated: the averages.
TEST(KeptEpochs, HoldTheWeightsThatWereValidated) {
  const TemporaryFolder folder;
  Trainer trainer(options_in(folder, tiny_recipe({"train.keep_epochs=1"})), tiny_dataset());
  trainer.run();
  EXPECT_EQ(epochs_in(folder), (std::vector<int>{1, 2, 3}));
  const std::string best = content_of(folder / "best.safetensors");
  for (const EpochRecord& record : trainer.progress().history) {
    const std::filesystem::path file = folder / kept_epoch_name(record.epoch);
    EXPECT_EQ(content_of(file) == best, record.epoch == trainer.progress().best_epoch) << record.epoch;
    const WeightsInfo info = read_weights_info(file);
    EXPECT_EQ(info.chosen.epoch, record.epoch);
    EXPECT_EQ(info.chosen.step, record.step);
    EXPECT_DOUBLE_EQ(info.chosen.validation_score, record.validation_macro_f1);
    EXPECT_FALSE(info.run.empty());
  }
}

TEST(KeptEpochs, ChangeNothingElse) {
  const TemporaryFolder with;
  const TemporaryFolder without;
  Trainer(options_in(with, tiny_recipe({"train.keep_epochs=2"})), tiny_dataset()).run();
  Trainer(options_in(without, tiny_recipe()), tiny_dataset()).run();
  EXPECT_EQ(epochs_in(with), (std::vector<int>{2}));
  EXPECT_TRUE(epochs_in(without).empty());
  for (const char* name : {"last.safetensors", "best.safetensors"}) {
    const io::SafetensorsFile a = io::read_safetensors(with / name);
    const io::SafetensorsFile b = io::read_safetensors(without / name);
    EXPECT_EQ(a.metadata.at("checksum"), b.metadata.at("checksum")) << name;
    EXPECT_EQ(a.metadata.at("run"), b.metadata.at("run")) << name;  // the key does not change the run
  }
}

// Stops within an epoch, at its end, and after its weights were kept but before last.safetensors knows of them.
TEST(KeptEpochs, HaveTheSameBitsAfterAResume) {
  const Recipe recipe = tiny_recipe({"train.keep_epochs=1", "train.checkpoint_steps=1000"});
  const TemporaryFolder whole;
  Trainer(options_in(whole, recipe), tiny_dataset()).run();
  for (const int died_in : {0, 1, 2}) {
    const TemporaryFolder folder;
    TrainerOptions options = options_in(folder, recipe);
    std::atomic<bool> stop = false;
    options.stop = &stop;
    options.on_step = [&](const StepReport& report) { stop = died_in == 0 && report.step == 15; };
    options.on_epoch = [&](const EpochRecord& record) { require(record.epoch != died_in, "died"); };
    if (died_in == 0) {
      EXPECT_EQ(Trainer(options, tiny_dataset()).run(), TrainingEnd::interrupted);
    } else {
      expect_error([&] { Trainer(options, tiny_dataset()).run(); }, "died");
      EXPECT_TRUE(std::filesystem::exists(folder / kept_epoch_name(died_in)));
    }
    Trainer resumed(options_in(folder, recipe), tiny_dataset());
    resumed.resume();
    resumed.run();
    EXPECT_EQ(epochs_in(folder), (std::vector<int>{1, 2, 3}));
    for (const int epoch : {1, 2, 3}) {
      EXPECT_TRUE(content_of(folder / kept_epoch_name(epoch)) == content_of(whole / kept_epoch_name(epoch)))
          << "epoch " << epoch << ", died in " << died_in;
    }
  }
}

TEST(KeptEpochs, AResumedRunMayKeepOthers) {
  const TemporaryFolder folder;
  TrainerOptions options = options_in(folder, tiny_recipe());
  std::atomic<bool> stop = false;
  options.stop = &stop;
  options.on_step = [&](const StepReport& report) { stop = report.step == 15; };
  Trainer(options, tiny_dataset()).run();
  Trainer resumed(options_in(folder, tiny_recipe({"train.keep_epochs=1"})), tiny_dataset());
  resumed.resume();
  resumed.run();
  EXPECT_EQ(epochs_in(folder), (std::vector<int>{2, 3}));
}

TEST(KeptEpochs, AreNamedInOrder) {
  const TemporaryFolder folder;
  EXPECT_EQ(kept_epoch_name(7), "epoch_0007.safetensors");
  EXPECT_EQ(kept_epoch_name(123456), "epoch_123456.safetensors");
  for (const char* name :
       {"epoch_123456.safetensors", "epoch_0010.safetensors", "epoch_0009.safetensors", "epoch_7.safetensors",
        "epoch_0000.safetensors", "epoch_0011.safetensors.bak", "epoch_-001.safetensors",
        "my_epoch_0012.safetensors", "epoch_99999999999.safetensors"}) {
    folder.write(name, "");
  }
  EXPECT_EQ(epochs_in(folder), (std::vector<int>{9, 10, 123456}));
  EXPECT_TRUE(kept_epochs(folder / "missing").empty());
}

TEST(KeptEpochs, BelongToTheFilesOfARun) {
  const TemporaryFolder folder;
  folder.write("epoch_0001.safetensors", "earlier");
  folder.write("notes.safetensors", "mine");
  folder.write(".epoch_0002.safetensors.tmp-0", "killed while epoch 2 was first written");
  folder.write(".epoch_0001.safetensors.tmp-1", "killed");
  folder.write(".epoch_2.safetensors.tmp-0", "mine");
  expect_error([&] { RunFolder(folder.path(), RunFolder::Use::fresh); },
               "epoch_0001.safetensors: exists: --resume");
  RunFolder run(folder.path(), RunFolder::Use::overwrite);
  EXPECT_TRUE(std::filesystem::exists(folder / "epoch_0001.safetensors"));
  run.begin();
  EXPECT_EQ(folder.entries(), 2U);
  EXPECT_TRUE(std::filesystem::exists(folder / "notes.safetensors"));
  EXPECT_TRUE(std::filesystem::exists(folder / ".epoch_2.safetensors.tmp-0"));
}

}  // namespace
}  // namespace sec::train
