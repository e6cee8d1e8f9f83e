// The three sides of a data set: what trains, what chooses the weights, what is scored once at the end.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "train/data/beat_dataset.h"
#include "train/data/leakage.h"
#include "train/data/splits.h"

namespace sec::train {

// The records of each side, as the recipe's data.protocol divides them:
//   records  data.train, validation and test as they stand for records of the folder
//   folds    all of these together, divided by patient: fold data.fold tests, the next one validates
//   file     as data.split_file says
//   beats    all of these together, on every side: load_beat_splits divides their beats
// Throws Error on a missing folder, a record twice on one side, a record on both validation and test, and if
// nothing is left to train on.
Splits resolve_splits(const Recipe& recipe, const std::filesystem::path& folder);

// The test records whose subject also trains or chooses: figures are reported without them too.
std::vector<std::string> test_records_seen(const Splits& splits);

struct BeatSplits {
  Splits splits;
  BeatDataset train;
  BeatDataset validation;
  BeatDataset test;
  bool synthetic = false;
  std::string fingerprint;            // of all files read: "fnv1a64:..."
  std::vector<std::string> warnings;  // for people who read the results
  std::vector<std::string> leaks;  // what the sides share, trained on all the same: the figures are too good
};

// Reads all three sides and looks for what they share (leakage.h): throws Error on any of it unless the
// recipe allows leakage, but for the two records of one person in the usual division of MIT-BIH, which are
// warned about unless data.strict_patients is set. Where train and validation are together DS1, or test is
// DS2, of the MIT-BIH database, the published class counts are checked. Throws Error on what load_record
// throws, on a class without training beats, or none in validation (naming the sides' records).
BeatSplits load_beat_splits(const Recipe& recipe, const std::filesystem::path& folder);

// Beats by AAMI class, those outside the recipe's classes included.
std::array<std::int64_t, 5> count_classes(const BeatDataset& inputs);

}  // namespace sec::train
