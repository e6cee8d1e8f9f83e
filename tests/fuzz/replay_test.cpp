// In every build, each parser reads its seeds and earlier findings of the fuzzer (regressions/TARGET/*).
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "engine/error.h"
#include "tests/fuzz/targets.h"

namespace sec::fuzz {
namespace {

namespace fs = std::filesystem;

class Replay : public testing::TestWithParam<Target> {};

TEST_P(Replay, SeedsAreSound) {
  const std::vector<std::string> seeds = GetParam().seeds();
  EXPECT_FALSE(seeds.empty());
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    try {
      GetParam().read(seeds[i]);
    } catch (const Error& error) {
      ADD_FAILURE() << "seed " << i << ": " << error.what();
    }
  }
}

TEST_P(Replay, FindingsStayFixed) {
  const fs::path folder = fs::path(SEC_FUZZ_REGRESSIONS) / GetParam().name;
  if (!fs::exists(folder)) {
    return;  // no findings for this target
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    std::ostringstream content;
    content << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    try {
      GetParam().read(content.str());
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos)
          << entry.path() << ": " << error.what();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Parsers, Replay, testing::ValuesIn(targets().begin(), targets().end()),
                         [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace sec::fuzz
