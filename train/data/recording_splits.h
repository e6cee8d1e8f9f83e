// The three sides of a set of whole recordings.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "train/data/recording_dataset.h"
#include "train/data/splits.h"

namespace sec::train {

struct RecordingSplits {
  Recipe recipe;  // with all its classes
  Splits splits;  // ids, and who was recorded
  RecordingDataset train;
  RecordingDataset validation;
  RecordingDataset test;
  std::string fingerprint;            // of labels and signals: "fnv1a64:..."
  std::vector<std::string> warnings;  // for people who read the results
  std::vector<std::string> leaks;     // why the figures are too good, where the recipe allows it
  std::int64_t dropped = 0;           // recordings of none of the classes, left out
  std::int64_t signal_bytes = 0;      // memory that the signals take
};

// Reads labels and signals, on all cores, divides them and looks for what the sides share. Signals are held
// as 32-bit floats: recordings * data.length * leads * 4 bytes. Throws Error on what the readers find, on a
// class that no recording to train on has, on leaks unless the recipe allows them, and where a side that the
// recipe needs is empty.
RecordingSplits load_recording_splits(const Recipe& recipe, const std::filesystem::path& folder);

}  // namespace sec::train
