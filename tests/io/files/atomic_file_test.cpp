#include "io/files/atomic_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>

#include "io/files/read_file.h"
#include "tests/io/files.h"

namespace sec::io {
namespace {

TEST(AtomicFile, WritesPiecesAndReplaces) {
  const TemporaryFolder folder;
  write_atomically(folder / "a", "first");
  EXPECT_EQ(content_of(folder / "a"), "first");
  const std::string_view pieces[] = {"se", "", "cond"};
  write_atomically(folder / "a", pieces);
  EXPECT_EQ(content_of(folder / "a"), "second");
  EXPECT_EQ(folder.entries(), 1U);
}

TEST(AtomicFile, KeepsASymbolicLink) {
  const TemporaryFolder folder;
  folder.write("target", "old");
  std::filesystem::create_symlink("target", folder / "link");
  write_atomically(folder / "link", "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(content_of(folder / "target"), "new");
}

TEST(AtomicFile, KeepsTheModeOfTheFileThatIsReplaced) {
  const TemporaryFolder folder;
  const auto mode = [&] { return static_cast<int>(std::filesystem::status(folder / "a").permissions()); };
  const mode_t before = ::umask(027);
  write_atomically(folder / "a", "first");
  EXPECT_EQ(mode(), 0640);
  for (const int wanted : {0600, 0664, 0755}) {
    std::filesystem::permissions(folder / "a", static_cast<std::filesystem::perms>(wanted));
    write_atomically(folder / "a", "next");
    EXPECT_EQ(mode(), wanted);
  }
  ::umask(before);
}

TEST(AtomicFile, AMissingFolderAndAFolderAreNamed) {
  const TemporaryFolder folder;
  expect_error([&] { write_atomically(folder / "no/file", "x"); },
               "no/file: cannot create: No such file or directory");
  expect_error([&] { write_atomically(folder.path(), "x"); }, "is a folder, expected a file name");
}

TEST(AtomicFile, AFullDeviceIsNamed) {
  expect_error([] { write_atomically("/dev/full", "x"); },
               "/dev/full: cannot write: No space left on device");
}

// A limit on file sizes simulates a full disk: write(2) stores what fits, then fails.
TEST(AtomicFile, AWriteThatFailsLeavesTheOlderFile) {
  const TemporaryFolder folder;
  write_atomically(folder / "a", "older");
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      write_atomically(folder / "a", std::string(5000, 'x'));
    } catch (const Error& error) {
      ::_exit(std::string(error.what()).find("a: cannot write: File too large") != std::string::npos ? 7 : 1);
    }
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << status;
  EXPECT_EQ(content_of(folder / "a"), "older");
  EXPECT_EQ(folder.entries(), 1U);
}

// Writes a part of `folder`/a and dies without cleaning up, as a program that is killed.
void be_killed_writing(const TemporaryFolder& folder) {
  const pid_t child = ::fork();
  if (child == 0) {
    AtomicFile file(folder / "a");
    file.write("half");
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
}

TEST(AtomicFile, TheNextWriterRemovesWhatAKilledOneLeft) {
  const TemporaryFolder folder;
  write_atomically(folder / "a", "older");
  be_killed_writing(folder);
  EXPECT_EQ(folder.entries(), 2U);
  EXPECT_EQ(content_of(folder / ".a.tmp-0"), "half");
  be_killed_writing(folder);
  EXPECT_EQ(folder.entries(), 2U);
  write_atomically(folder / "b", "another file");
  EXPECT_EQ(folder.entries(), 3U);
  write_atomically(folder / "a", "newer");
  EXPECT_EQ(content_of(folder / "a"), "newer");
  EXPECT_EQ(folder.entries(), 2U);
  std::filesystem::create_symlink("a", folder / "link");
  for (const char* name : {"a", "link"}) {
    be_killed_writing(folder);
    remove_abandoned_temporaries(folder / name);
    EXPECT_EQ(folder.entries(), 3U) << name;
  }
}

TEST(AtomicFile, ALivingWriterKeepsItsTemporaryFile) {
  const TemporaryFolder folder;
  AtomicFile first(folder / "a");
  first.write("first");
  AtomicFile second(folder / "a");
  second.write("second");
  EXPECT_EQ(folder.entries(), 2U);
  second.complete();  // the temporary file is closed, but not yet renamed
  remove_abandoned_temporaries(folder / "a");
  EXPECT_EQ(folder.entries(), 2U);
  first.commit();
  EXPECT_EQ(content_of(folder / "a"), "first");
  second.commit();
  EXPECT_EQ(content_of(folder / "a"), "second");
  EXPECT_EQ(folder.entries(), 1U);
}

TEST(AtomicFile, RemovesOnlyRegularFilesWithTheNamesOfTemporaries) {
  const TemporaryFolder folder;
  folder.write("mine", "x");
  std::filesystem::create_symlink("mine", folder / ".a.tmp-0");
  std::filesystem::create_directory(folder / ".a.tmp-1");
  folder.write(".a.tmp-x", "x");
  write_atomically(folder / "a", "new");
  remove_abandoned_temporaries(folder / "a");
  EXPECT_EQ(folder.entries(), 5U);
  EXPECT_EQ(content_of(folder / "mine"), "x");
}

TEST(ReadFile, ErrorsNameTheFile) {
  const TemporaryFolder folder;
  expect_error([&] { read_file(folder / "none", 4); }, "none: cannot open: No such file or directory");
  expect_error([&] { read_file(folder.path(), 4); }, "expected a regular file");
  expect_error([&] { read_file("/dev/zero", 4); }, "/dev/zero: expected a regular file");
  folder.write("a", "12345");
  expect_error([&] { read_file(folder / "a", 4); }, "a: 5 bytes, expected at most 4");
}

}  // namespace
}  // namespace sec::io
