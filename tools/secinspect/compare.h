// secinspect compare: several trainings side by side.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "io/files/json.h"

namespace sec::tools {

struct CompareOptions {
  std::vector<std::filesystem::path> runs;  // at least two; recipes are compared with that of the first
  std::string split = "test";
  int resamples = 1000;
  std::uint64_t seed = 1;
  std::filesystem::path out;  // the page; empty: none
  bool json = false;
};

// If the first argument is "compare": does what the others ask, and returns the exit status. Else nothing.
std::optional<int> start_compare(int argc, char** argv);

// What differs between the runs, as JSON: {"runs", "recipe", "comparison"}. Throws Error, naming the file, if a folder is
// no finished run, or if the runs have no example or class in common or differ in what is true of an example.
io::Json compare_runs(const CompareOptions& options);

// The same as a text for a terminal.
std::string compare_text(const io::Json& comparison);

}  // namespace sec::tools
