// Run folders of sectrain: locks, runs that are killed early, and what is checked before data are read.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "kernels/cpu/isa.h"
#include "tests/tools/run_sectrain.h"

namespace sec::train {
namespace {

using nlohmann::json;
using SectrainRuns = Sectrain;

// The second training in a folder is refused while the first runs; the first is not disturbed.
TEST_F(SectrainRuns, LocksItsRunFolder) {
  const std::string training = "--quiet --set train.epochs=30 --threads 1";
  ASSERT_EQ(sectrain(arguments("whole", training)).status, 0);
  Outcome second{};
  std::thread other([&] {
    for (int i = 0; i < 60000 && !fs::exists(folder_ / "run" / "last.safetensors"); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    fs::create_directory(folder_ / "other");
    second = run_program(std::string(SECTRAIN) + " " + arguments("run", training + " --overwrite"),
                         folder_ / "other");
  });
  const Outcome first = sectrain(arguments("run", training));
  other.join();
  EXPECT_EQ(first.status, 0) << first.error;
  EXPECT_EQ(second.status, 1);
  EXPECT_EQ(second.error, "sectrain: " + path("run") + ": another training is using this run folder\n");
  for (const char* name : {"last.safetensors", "best.safetensors"}) {
    EXPECT_TRUE(content_of(folder_ / "run" / name) == content_of(folder_ / "whole" / name)) << name;
  }
}

TEST_F(SectrainRuns, ResumesARunThatHasOnlyItsRecipe) {
  const std::string training = "--quiet --set train.epochs=2";
  ASSERT_EQ(sectrain(arguments("whole", training)).status, 0);
  fs::create_directory(folder_ / "run");
  fs::copy(folder_ / "whole/recipe.toml", folder_ / "run/recipe.toml");
  folder_.write("run/log.jsonl", "{\"event\":\"step\",\"step\":5}\n");
  const Outcome run =
      sectrain("--resume --quiet --out " + path("run") + " --data " + tiny_database().string());
  EXPECT_EQ(run.status, 0) << run.error;
  EXPECT_TRUE(content_of(path("run/last.safetensors")) == content_of(path("whole/last.safetensors")));
  const auto lines = [&](const char* name) {
    const std::string log = content_of(path(name));
    return std::ranges::count(log, '\n');
  };
  EXPECT_EQ(lines("run/log.jsonl"), lines("whole/log.jsonl"));
}

TEST_F(SectrainRuns, ChecksItsFolderAndItsSplitsBeforeItReadsData) {
  const Outcome folder =
      sectrain("--config " + path("tiny.toml") + " --out /proc/none/run --data " + path("nowhere"));
  EXPECT_EQ(folder.status, 1);
  EXPECT_TRUE(one_line(folder.error)) << folder.error;
  EXPECT_NE(folder.error.find("/proc/none/run: cannot make the folder"), std::string::npos) << folder.error;
  for (const std::string name : {"split.csv", "split.json"}) {
    folder_.write("split.csv", "101,train\n106,train\n119,train\n208,train\n100,test\n");
    folder_.write("split.json", R"({"train": ["101", "106", "119", "208"], "test": ["100"]})");
    const std::string divided = "--quiet --set data.protocol=file --set data.split_file=" + path(name);
    const Outcome run = sectrain(arguments("run", divided));
    EXPECT_EQ(run.status, 1);
    EXPECT_TRUE(one_line(run.error)) << run.error;
    EXPECT_NE(run.error.find(name + ": no record is listed for validation"), std::string::npos) << run.error;
    EXPECT_FALSE(fs::exists(folder_ / "run"));
    const Outcome last =
        sectrain(arguments("run", divided + " --set train.choose=last --set train.epochs=1"));
    EXPECT_EQ(last.status, 0) << last.error;
    fs::remove_all(folder_ / "run");
  }
}

TEST_F(SectrainRuns, RecordsTheInstructionSetAndWarnsOfAnother) {
  const std::string training = "--device cpu --quiet --json --set train.epochs=2";
  const Outcome run = sectrain(arguments("run", training), "SEC_CPU_ISA=baseline ");
  ASSERT_EQ(run.status, 0) << run.error;
  EXPECT_EQ(json::parse(run.out)["instruction_set"], "baseline");
  EXPECT_EQ(run.error.find("instruction set"), std::string::npos) << run.error;
  EXPECT_NE(content_of(path("run/report.html")).find("thread(s), baseline"), std::string::npos);
  const std::string other(kernels::cpu::available_isas().back());
  if (other == "baseline") {
    GTEST_SKIP() << "this machine has one instruction set alone";
  }
  const Outcome resumed = sectrain(arguments("run", training + " --resume"), "SEC_CPU_ISA=" + other + " ");
  ASSERT_EQ(resumed.status, 0) << resumed.error;
  const std::string says = "the run was computed with the instruction set baseline and goes on with " + other;
  EXPECT_NE(resumed.error.find("warning: " + says), std::string::npos) << resumed.error;
  EXPECT_EQ(json::parse(resumed.out)["instruction_set"], "baseline, " + other);
  EXPECT_NE(content_of(path("run/report.html")).find(says), std::string::npos);
}

}  // namespace
}  // namespace sec::train
