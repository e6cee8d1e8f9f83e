// The parts of a training run that differ between heartbeats (beat_task.cpp) and whole recordings
// (recording_task.cpp).
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <string>

#include "train/loop/trainer.h"

namespace sec::tools {

class TrainingTask {
 public:
  TrainingTask() = default;
  virtual ~TrainingTask() = default;
  TrainingTask(const TrainingTask&) = delete;
  TrainingTask& operator=(const TrainingTask&) = delete;

  virtual const train::Recipe& recipe() const = 0;  // completed by properties of the data
  virtual const train::Splits& splits() const = 0;
  virtual const std::string& fingerprint() const = 0;
  // One text each for train, validation and test: "22 record(s), 45842 beats: N 44000, ...".
  virtual std::array<std::string, 3> split_texts() const = 0;
  // Fills in the report's parts about data, protocol, warnings and leaks.
  virtual void describe(train::RunSummary& run) const = 0;
  virtual train::TrainingData data() const = 0;
  // Scores the validation and test sets with the selected weights.
  virtual void score(train::RunSummary& run, train::Trainer& trainer) const = 0;
};

// Read the data from the folder. Throw the errors of load_beat_splits and load_recording_splits.
std::unique_ptr<TrainingTask> make_beat_task(const train::Recipe& recipe, const train::DataFolders& folders);
std::unique_ptr<TrainingTask> make_recording_task(const train::Recipe& recipe,
                                                  const std::filesystem::path& folder);

}  // namespace sec::tools
