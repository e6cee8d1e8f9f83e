// What the files of a run folder say about a training: recipe, log, scores and predictions.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "io/files/json.h"
#include "train/recipe/recipe.h"

namespace sec::tools {

// The lines of log.jsonl. A log grows while its run trains; `read` takes in what was added since the last call.
class RunLog {
 public:
  explicit RunLog(std::filesystem::path file) : file_(std::move(file)) {}

  // Returns whether there was anything new. A log that became shorter, as when a run resumes, is read anew. A missing log
  // is empty. An incomplete last line waits for its end; other lines that are no log lines are left out.
  // Throws Error naming the file if it cannot be read.
  bool read();

  const std::vector<io::Json>& epochs() const { return epochs_; }
  const std::vector<io::Json>& steps() const { return steps_; }
  const std::vector<io::Json>& states() const { return states_; }  // of the network, by epoch

 private:
  void take(std::string_view line);

  std::filesystem::path file_;
  std::uintmax_t taken_ = 0;  // bytes of complete lines
  std::string first_line_;    // tells that the log is another one
  std::vector<io::Json> epochs_, steps_, states_;
};

struct RunFiles {
  std::filesystem::path folder;
  train::Recipe recipe;
  std::string recipe_text;
  io::Json metrics;  // metrics.json; null until the run has finished
};

// Throws Error, naming the file, if the folder has no recipe of a run or files that cannot be read.
RunFiles read_run(const std::filesystem::path& folder);

// A row of predictions.csv.
struct PredictedExample {
  std::string key;      // database, recording and sample, which name the example in every run
  std::string place;    // the same for messages: "recording 100, sample 77"
  std::string patient;  // where the file names none: the recording
  std::vector<std::string> truth, decision;
  std::vector<float> probability;  // by class of the run
};

struct RunPredictions {
  std::vector<std::string> classes;
  std::vector<PredictedExample> examples;
};

// The rows of one split: "train", "validation" or "test".
// Throws Error, naming file and line, on a file that is no predictions.csv.
RunPredictions read_predictions(const std::filesystem::path& file, const std::string& split);

}  // namespace sec::tools
