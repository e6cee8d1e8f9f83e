// The division of recordings, or parts of them, into training, validation and test splits.
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
  double to = std::numeric_limits<double>::infinity();  // s, exclusive
};

struct Splits {
  std::vector<std::string> train;
  std::vector<std::string> validation;
  std::vector<std::string> test;
  std::map<std::string, std::string> patients = {};  // patient of each record, if not named as the record
  // By split: the part of a record that belongs to the split, if not the whole record.
  std::array<std::map<std::string, TimeRange>, 3> parts = {};

  std::vector<std::string>& records(std::size_t i) { return i == 0 ? train : i == 1 ? validation : test; }
  const std::vector<std::string>& records(std::size_t i) const {
    return i == 0 ? train : i == 1 ? validation : test;
  }
  // The patient of a record: its entry in `patients`; else its subject if it is an MIT-BIH record (201 and
  // 202 are one person, also as mitdb:201 and mitdb:202); else the record's name.
  std::string patient_of(const std::string& record) const;
};

// Keeps the first few of the warnings that reading a database left, and says how many more there were.
void shorten_warnings(std::vector<std::string>& warnings);

// Reads a split file written by a user. A file whose name ends in .json holds JSON; "patients" is optional:
//   {"train": ["100"], "validation": [...], "test": [...], "patients": {"100": "P1"}}
// Any other file is text with one line per record. Fields are separated by commas, tabs or spaces:
// the record, its split, and optionally its patient (- for none) and the first and last second of its part:
//   100,train
//   101,test,P7,600,1800
// Empty lines, a heading line that begins with "record", and text after a # are ignored.
// Throws Error, naming file and line, on an unknown split, a record listed twice in a split,
// and an invalid time or empty time range.
Splits read_split_file(const std::filesystem::path& path);

struct PatientBeats {
  std::string patient;
  std::vector<std::string> records;
  io::ClassCounts beats{};
};
// Divides patients into `folds` folds with nearly equal numbers of beats of each class.
// Patients are shuffled with `seed` and sorted by their largest share of any class.
// Each patient goes to the fold that becomes least uneven.
// Every patient is in exactly one fold. Throws Error if there are fewer patients than folds.
std::vector<std::vector<std::string>> folds_by_patient(std::vector<PatientBeats> patients, std::int64_t folds,
                                                       std::int64_t seed);  // [fold] record names

}  // namespace sec::train
