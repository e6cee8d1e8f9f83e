// Run folders: two trainings never share one, and a killed run leaves nothing behind that stops the next.
#include "train/loop/run_folder.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/io/files.h"

namespace sec::train {
namespace {

using io::expect_error;
using io::TemporaryFolder;
using Use = RunFolder::Use;

TEST(RunFolders, AreLockedForOneTraining) {
  const TemporaryFolder folder;
  folder.write("last.safetensors", "x");
  {
    const RunFolder first(folder.path(), Use::resume);
    for (const Use use : {Use::fresh, Use::overwrite, Use::resume}) {
      expect_error([&] { RunFolder(folder.path(), use); },
                   folder.path().string() + ": another training is using this run folder");
    }
  }
  const RunFolder after(folder.path(), Use::resume);
  EXPECT_EQ(folder.entries(), 1U);  // the lock is no file
}

TEST(RunFolders, AreLockedBeforeTheyHaveFiles) {
  const TemporaryFolder folder;
  const RunFolder first(folder / "a/run", Use::fresh);
  expect_error([&] { RunFolder(folder / "a/run", Use::fresh); }, "a/run: another training");
}

// The system drops the lock of a process that is killed.
TEST(RunFolders, AreFreeAfterTheDeathOfATraining) {
  const TemporaryFolder folder;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const RunFolder held(folder / "run", Use::fresh);
    std::ignore = ::write(ready[1], "x", 1);
    ::pause();
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  expect_error([&] { RunFolder(folder / "run", Use::fresh); }, "another training");
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  const RunFolder free(folder / "run", Use::fresh);
}

TEST(RunFolders, AreRemovedUnlessTheRunBegins) {
  const TemporaryFolder folder;
  { const RunFolder given_up(folder / "a/b/run/", Use::fresh); }
  EXPECT_EQ(folder.entries(), 0U);
  {
    RunFolder begun(folder / "a/b/run", Use::fresh);
    begun.begin();
  }
  EXPECT_TRUE(std::filesystem::is_directory(folder / "a/b/run"));
  { const RunFolder given_up(folder / "a/c", Use::fresh); }
  EXPECT_FALSE(std::filesystem::exists(folder / "a/c"));
}

TEST(RunFolders, ThatCannotBeWrittenAreNoticedAtOnce) {
  expect_error([] { RunFolder("/proc/none/run", Use::fresh); }, "/proc/none/run: cannot make the folder");
  expect_error([] { RunFolder("/proc", Use::fresh); }, "/proc/recipe.toml: cannot create");
  expect_error([] { RunFolder("/dev/null", Use::fresh); }, "/dev/null: not a folder");
}

TEST(RunFolders, AreSweptOfTemporaryFiles) {
  const TemporaryFolder folder;
  folder.write("last.safetensors", "last");
  folder.write(".last.safetensors.tmp-0", "killed");
  folder.write(".report.html.tmp-1", "killed");
  const std::vector<std::string> others = {
      ".last.safetensors.tmp", ".last.safetensors.tmp-x", ".last.safetensors.tmp-1x", "notes.tmp-1",
      ".notes.tmp-1",          "last.safetensors.tmp-1"};
  for (const std::string& name : others) {
    folder.write(name, "mine");
  }
  std::filesystem::create_directory(folder / "inner");
  folder.write("inner/.last.safetensors.tmp-1", "mine");
  RunFolder run(folder.path(), Use::resume);
  EXPECT_TRUE(std::filesystem::exists(folder / ".report.html.tmp-1"));
  run.begin();
  EXPECT_FALSE(std::filesystem::exists(folder / ".last.safetensors.tmp-0"));
  EXPECT_FALSE(std::filesystem::exists(folder / ".report.html.tmp-1"));
  EXPECT_EQ(folder.entries(), 2 + others.size());
  EXPECT_TRUE(std::filesystem::exists(folder / "inner/.last.safetensors.tmp-1"));
}

TEST(RunFolders, ResumeARunThatWasKilledBeforeItsFirstCheckpoint) {
  const TemporaryFolder folder;
  expect_error([&] { RunFolder(folder.path(), Use::resume); }, "last.safetensors: no such file");
  folder.write("recipe.toml", "");
  EXPECT_FALSE(RunFolder(folder.path(), Use::resume).has_checkpoint());
  // Chosen weights without their checkpoint would be overwritten.
  folder.write("best.safetensors", "");
  expect_error([&] { RunFolder(folder.path(), Use::resume); }, "last.safetensors: no such file");
}

}  // namespace
}  // namespace sec::train
