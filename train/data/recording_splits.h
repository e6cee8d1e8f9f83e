// The training, validation and test splits of whole recordings.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "train/data/recording_dataset.h"
#include "train/data/splits.h"

namespace sec::train {

struct RecordingSplits {
  Recipe recipe;  // the recipe with its classes filled in
  Splits splits;  // ids of the recordings, and their patients
  RecordingDataset train;
  RecordingDataset validation;
  RecordingDataset test;
  std::string fingerprint;            // hash of labels and signals: "fnv1a64:..."
  std::vector<std::string> warnings;  // shown in the report
  std::vector<std::string> leaks;     // leaks that data.allow_leakage tolerates; scores are too good then
  std::int64_t dropped = 0;           // number of recordings without any of the classes that were dropped
  std::int64_t signal_bytes = 0;      // memory of the signals in bytes
  std::int64_t without_patient = 0;   // number of recordings whose patient is not known
};

// Reads labels and signals on all cores, divides the recordings into splits, and searches these for leaks.
// Signals are held in memory as 32-bit floats: recordings * data.length * leads * 4 bytes.
// Throws Error if a file cannot be read or a split that the recipe needs is empty.
// Also throws Error on a class without training recordings, and on leaks unless the recipe allows them.
RecordingSplits load_recording_splits(const Recipe& recipe, const std::filesystem::path& folder);

}  // namespace sec::train
