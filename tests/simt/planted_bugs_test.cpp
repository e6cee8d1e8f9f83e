// Each planted bug (tests/simt/bugs.cu) must be reported at its line in every order of threads.
// The correct kernels must cause no report.
#include <gtest/gtest.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <regex>
#include <string>

namespace sec {
namespace {

enum class Variant { plain, asan, tsan };

struct Planted {
  const char* name;
  Variant variant;     // the build that detects the bug
  const char* report;  // text of the report
  bool has_second_place = false;
  bool traps = false;  // unwritten memory is filled so that arithmetic on it traps

  friend std::ostream& operator<<(std::ostream& out, const Planted& planted) { return out << planted.name; }
};

constexpr const char* race = "WARNING: ThreadSanitizer: data race";
constexpr const char* outside_shared = "AddressSanitizer: use-after-poison";
constexpr const char* outside_global = "AddressSanitizer: heap-buffer-overflow";
constexpr const char* nan_used = "AddressSanitizer: FPE";

constexpr Planted bugs[] = {
    {"missing_barrier", Variant::tsan, race},
    {"missing_second_barrier", Variant::tsan, race},
    {"missing_warp_barrier", Variant::tsan, race},
    {"missing_barrier_after_async_wait", Variant::tsan, race},
    {"async_copy_before_all_have_read", Variant::tsan, race},
    {"cross_block_race", Variant::tsan, race},
    {"shared_read_outside", Variant::asan, outside_shared},
    {"shared_write_outside", Variant::asan, outside_shared},
    {"dynamic_shared_write_outside", Variant::asan, outside_shared},
    {"global_read_outside", Variant::asan, outside_global},
    {"global_write_outside", Variant::asan, outside_global},
    {"async_copy_outside", Variant::asan, outside_global},
    {"unwritten_shared", Variant::asan, nan_used, false, true},
    {"unwritten_global", Variant::asan, nan_used, false, true},
    {"missing_async_wait", Variant::asan, nan_used, false, true},
    {"async_wait_for_too_few", Variant::asan, nan_used, false, true},
    {"store_before_async_wait", Variant::plain, "its destination was written before the wait for it"},
    {"async_copy_before_async_wait", Variant::plain, "its destination was written before the wait for it"},
    {"divergent_barrier", Variant::plain, "threads diverge at a barrier", true},
    {"divergent_barrier_in_one_line", Variant::plain, "threads diverge at a barrier"},
    {"barrier_after_return", Variant::plain, "threads diverge at a barrier"},
    {"mask_without_caller", Variant::plain, "does not name the calling thread"},
    {"mask_names_absent_lanes", Variant::plain, "which has returned"},
    {"different_collectives", Variant::plain, "lanes of a warp diverge", true},
    {"deadlock", Variant::plain, "no thread can go on", true},
};

constexpr std::array orders = {"forward", "reverse", "shuffled:1", "shuffled:2"};

// The number of the line of bugs.cu that ends with `comment`.
std::size_t line_of(const std::string& comment) {
  std::ifstream source(SEC_SIMT_BUGS_SOURCE);
  std::string line;
  for (std::size_t number = 1; std::getline(source, line); ++number) {
    if (line.ends_with("// " + comment)) {
      return number;
    }
  }
  ADD_FAILURE() << "bugs.cu has no line with the comment '" << comment << "'";
  return 0;
}

struct Outcome {
  int status = -1;
  std::string output;
};

Outcome run(Variant variant, const char* name, bool is_fixed, const char* order, bool traps) {
  constexpr std::array suffixes = {"", "_asan", "_tsan"};
  const std::string program = std::filesystem::read_symlink("/proc/self/exe").parent_path() /
                              ("simt_bugs" + std::string(suffixes[static_cast<std::size_t>(variant)]));
  int channel[2];
  if (pipe(channel) != 0) {
    return {};
  }
  const pid_t child = fork();
  if (child == 0) {
    dup2(channel[1], STDOUT_FILENO);
    dup2(channel[1], STDERR_FILENO);
    close(channel[0]);
    close(channel[1]);
    setenv("SEC_SIMT_ORDER", order, 1);
    setenv("SEC_SIMT_TRAP", traps ? "1" : "0", 1);
    personality(ADDR_NO_RANDOMIZE);  // ThreadSanitizer fails with some randomised memory layouts
    execl(program.c_str(), program.c_str(), name, is_fixed ? "fixed" : nullptr, nullptr);
    _exit(127);
  }
  close(channel[1]);
  Outcome outcome;
  std::array<char, 4096> buffer;
  for (ssize_t got = 0; (got = read(channel[0], buffer.data(), buffer.size())) > 0;) {
    outcome.output.append(buffer.data(), static_cast<std::size_t>(got));
  }
  close(channel[0]);
  int status = 0;
  waitpid(child, &status, 0);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

bool names_line(const std::string& output, std::size_t line) {
  return std::regex_search(output, std::regex("bugs\\.cu:" + std::to_string(line) + "\\b"));
}

class PlantedBugs : public testing::TestWithParam<Planted> {};

TEST_P(PlantedBugs, AreReportedAtTheirLine) {
  const Planted& bug = GetParam();
  const std::string name = bug.name;
  for (const char* order : orders) {
    const Outcome outcome = run(bug.variant, bug.name, false, order, bug.traps);
    EXPECT_NE(outcome.status, 0) << order;
    EXPECT_NE(outcome.output.find(bug.report), std::string::npos) << order << "\n" << outcome.output;
    EXPECT_TRUE(names_line(outcome.output, line_of("bug: " + name))) << order << "\n" << outcome.output;
    if (bug.has_second_place) {
      EXPECT_TRUE(names_line(outcome.output, line_of("and here: " + name))) << order << "\n"
                                                                            << outcome.output;
    }
  }
}

TEST_P(PlantedBugs, AreNotSeenInTheRightKernel) {
  const Planted& bug = GetParam();
  for (const char* order : orders) {
    for (const Variant variant : {Variant::plain, bug.variant}) {
      const Outcome outcome = run(variant, bug.name, true, order, bug.traps);
      EXPECT_EQ(outcome.status, 0) << order;
      EXPECT_EQ(outcome.output, "") << order;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Simt, PlantedBugs, testing::ValuesIn(bugs),
                         [](const auto& suite) { return std::string(suite.param.name); });

// Without a sanitizer, unwritten memory shows as NaN in the output.
// Writes past a shared array are detected when the block ends.
TEST(PlantedBugsWithoutSanitizer, UnwrittenMemoryIsNaN) {
  for (const char* name :
       {"unwritten_shared", "unwritten_global", "missing_async_wait", "async_wait_for_too_few"}) {
    for (const char* order : orders) {
      const Outcome outcome = run(Variant::plain, name, false, order, false);
      EXPECT_EQ(outcome.status, 3) << name << ", " << order << "\n" << outcome.output;
      EXPECT_NE(outcome.output.find("is NaN"), std::string::npos) << name;
    }
  }
}

TEST(PlantedBugsWithoutSanitizer, RedZonesAroundSharedArraysAreChecked) {
  const Outcome fixed_array = run(Variant::plain, "shared_write_outside", false, "forward", false);
  EXPECT_NE(fixed_array.output.find("block (0, 0, 0): shared array tile was written 1 bytes past its end"),
            std::string::npos)
      << fixed_array.output;
  const Outcome dynamic = run(Variant::plain, "dynamic_shared_write_outside", false, "forward", false);
  EXPECT_NE(dynamic.output.find("shared array DYN_SHARED was written"), std::string::npos) << dynamic.output;
}

}  // namespace
}  // namespace sec
