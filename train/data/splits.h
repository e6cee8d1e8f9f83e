// How recordings, or parts of them, are divided over the three sides of a data set.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "io/scoring/aami.h"

namespace sec::train {

inline constexpr std::array<const char*, 3> split_names = {"train", "validation", "test"};

struct TimeRange {
  double from = 0;                                      // s
  double to = std::numeric_limits<double>::infinity();  // s, not included
};

struct Splits {
  std::vector<std::string> train;
  std::vector<std::string> validation;
  std::vector<std::string> test;
  std::map<std::string, std::string> patients = {};  // who was recorded, where it is not the record's name
  // By side: the part of a record that belongs to it, where that is not all of it.
  std::array<std::map<std::string, TimeRange>, 3> parts = {};

  std::vector<std::string>& side(std::size_t i) { return i == 0 ? train : i == 1 ? validation : test; }
  const std::vector<std::string>& side(std::size_t i) const {
    return i == 0 ? train : i == 1 ? validation : test;
  }
  // For MIT-BIH's records, 201 and 202 being one person, without being told.
  std::string patient_of(const std::string& record) const;
};

// Keeps the first few of the warnings that reading a database left, and says how many more there were.
void shorten_warnings(std::vector<std::string>& warnings);

// A division that a user wrote. JSON: {"train": ["100"], "validation": [...], "test": [...]}, and
// {"patients": {"100": "P1"}} if wanted. Any other name: text, a line a record, its fields separated by
// commas, tabs or spaces: record, side, and optionally patient (- for none), first and last second:
//   100,train
//   101,test,P7,600,1800
// Empty lines, a heading line that begins with "record", and what follows a # are skipped. Throws Error
// naming file and line: another side, a record twice on one side, a time that is no number or a range that is
// empty.
Splits read_split_file(const std::filesystem::path& path);

struct PatientBeats {
  std::string patient;
  std::vector<std::string> records;
  io::ClassCounts beats{};
};
// Divides patients into `folds` folds with nearly the same beats of each class in each: patients in random
// order by `seed`, those with the most of what is rare first, each to the fold it makes least uneven. Every
// patient is in one fold. Throws Error if there are fewer patients than folds.
std::vector<std::vector<std::string>> folds_by_patient(std::vector<PatientBeats> patients, std::int64_t folds,
                                                       std::int64_t seed);  // [fold] record names

}  // namespace sec::train
