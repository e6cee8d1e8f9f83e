// The command line of secinspect.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace sec::tools {

struct Options {
  std::filesystem::path model;
  std::filesystem::path record;  // empty: the network alone
  std::string at;                // "83.5" or "1:23.5"; empty: a beat that stands out
  std::filesystem::path out;     // the page
  std::filesystem::path dump;
  std::filesystem::path data;  // folder with the training records
  std::vector<std::string> leads;
  bool find_beats = false;
  bool identify = false;
  bool verify = true;
  std::int64_t length = 0;  // samples of the input, for a state dict
  int check = 16;           // beats with which the page compares its own forward pass
  std::string device = "auto";
  int threads = 0;
};

// Fills `options` in. Returns the exit status if there is nothing to run: 0 after --help or --version, 2 after
// wrong usage.
std::optional<int> parse_command_line(int argc, char** argv, Options& options);

// Seconds from "83.5", "1:23.5" or "1:02:03.4". Throws Error on other text.
double seconds_of(const std::string& text);

}  // namespace sec::tools
