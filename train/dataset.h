// The three sides of a data set: what trains, what chooses the weights, what is scored once at the end.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "train/inputs.h"

namespace sec::train {

struct Sides {
  std::vector<std::string> train;
  std::vector<std::string> validation;
  std::vector<std::string> test;
};

// The record names that the recipe's data.train, validation and test stand for in a folder. Throws Error on a
// missing folder, a record twice on one side, a record on both validation and test, and if nothing is left
// to train on.
Sides resolve_sides(const Recipe& recipe, const std::filesystem::path& folder);

// Who was recorded: for MIT-BIH's records, 201 and 202 being one person; else the record's name.
std::string subject_of(const std::string& record);

// One line for each subject that is on two sides of the data, where figures are then too good.
std::vector<std::string> shared_subjects(const Sides& sides);

// The test records whose subject also trains or chooses: figures are reported without them too.
std::vector<std::string> test_records_seen(const Sides& sides);

struct Dataset {
  Sides sides;
  Inputs train;
  Inputs validation;
  Inputs test;
  bool synthetic = false;
  std::string fingerprint;            // of all files read: "fnv1a64:..."
  std::vector<std::string> warnings;  // for people who read the results
};

// Reads all three sides. Where train and validation are together DS1, or test is DS2, of the MIT-BIH
// database, the published class counts are checked. Throws Error on what load_record throws, on a class
// without training beats, or none in validation (naming the sides' records).
Dataset load_dataset(const Recipe& recipe, const std::filesystem::path& folder);

// Beats by AAMI class, those outside the recipe's classes included.
std::array<std::int64_t, 5> count_classes(const Inputs& inputs);

}  // namespace sec::train
