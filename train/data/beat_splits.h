// The training, validation and test splits of heartbeats.
// The validation split serves to choose the weights.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "train/data/beat_dataset.h"
#include "train/data/leakage.h"
#include "train/data/splits.h"

namespace sec::train {

// The records of each split by the recipe's data.protocol:
//   records  the lists data.train, data.validation and data.test; records replace "DS1", "DS2" and "*", also behind
//            the name of a database, as in "svdb:*"
//   folds    the records of all three lists, divided by patient; data.fold tests, the next fold validates
//   file     as listed in data.split_file
//   beats    the records of all three lists, in every split: load_beat_splits() divides their beats
// Throws Error on a missing folder, on two databases in one folder, on a record listed twice in a split or in both validation and test,
// and if the training split is empty.
Splits resolve_splits(const Recipe& recipe, const DataFolders& folders);

// The test records of patients who are also in train or validation. Scores are reported without them too.
std::vector<std::string> test_records_seen(const Splits& splits);

struct BeatSplits {
  Splits splits;
  BeatDataset train;
  BeatDataset validation;
  BeatDataset test;
  bool synthetic = false;
  std::string fingerprint;            // hash of all files read: "fnv1a64:..."
  std::vector<std::string> warnings;  // shown in the report
  std::vector<std::string> leaks;     // leaks that data.allow_leakage tolerates; scores are too good then
};

// Reads the three splits and searches them for leaks (leakage.h).
// A leak is an Error unless the recipe allows leakage.
// The two MIT-BIH records of one person are only warned about, unless data.strict_patients is set.
// If train and validation together are DS1, or test is DS2, checks the published class counts.
// Throws the errors of load_record(), and on a class without beats in train or a non-empty validation split.
BeatSplits load_beat_splits(const Recipe& recipe, const DataFolders& folders);

// The number of beats of each AAMI class, including classes that the recipe does not train on.
std::array<std::int64_t, 5> count_classes(const BeatDataset& dataset);

}  // namespace sec::train
