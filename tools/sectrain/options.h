// The command line of sectrain.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sec::tools {

struct TrainingOptions {
  std::string config;
  std::filesystem::path data;
  std::map<std::string, std::filesystem::path> databases;  // of --data NAME=DIR
  std::filesystem::path out;
  std::string device = "auto";
  std::string kernels = "own";  // "own", "unfused" or "cudnn"
  std::string precision = "auto";
  std::string tiles;
  int threads = 0;                 // 0: one per core
  std::int64_t steps_at_once = 0;  // 0: the device's default
  std::string resident = "auto";
  std::vector<std::string> overrides;
  std::string model;
  std::string init;
  bool resume = false;
  bool overwrite = false;
  bool verify = true;
  bool quiet = false;
  bool json = false;
  bool tensorboard = false;
  std::optional<std::int64_t> profile;  // the number of steps to profile; 0: the whole training
  bool eager = false;
  bool keys = false;  // list the recipe's keys and exit
};

// Fills in `options`.
// Returns the exit status if there is nothing to run: 0 after --help or --version, 2 after wrong usage.
std::optional<int> parse_command_line(int argc, char** argv, TrainingOptions& options);

}  // namespace sec::tools
