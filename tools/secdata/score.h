// secdata score: beat annotations against reference annotations, as EC57 asks.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace sec::tools {

struct ScoreOptions {
  std::filesystem::path reference;  // an annotation file, or a folder
  std::filesystem::path test;       // the same; empty: the folder `reference`
  std::string reference_annotator = "atr";
  std::string test_annotator = "sec";
  std::vector<std::string> records;
  double start = 300;    // s
  double window = 0.15;  // s
  bool as_json = false;
};

// Adds the subcommand, whose values go to `options`.
CLI::App* add_score_command(CLI::App& app, ScoreOptions& options);

// The text that the subcommand prints. Throws Error naming the file that is missing or damaged.
std::string score_text(const ScoreOptions& options);

}  // namespace sec::tools
