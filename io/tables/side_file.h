// What arrays and tables of samples do not say of themselves: NAME.json beside NAME.npy or NAME.csv.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "io/recording/reader.h"

namespace sec::io {

// {"rate": 360, "leads": ["MLII", "V5"], "units": "mV", "gain": 200, "baseline": 1024, "start_date":
// "02/03/2002", "start_time": "12:30:05", "comments": ["Age: 56"]}; units, gain and baseline also as a list,
// one a lead. All is optional here; who reads it says what is missing.
struct SideFile {
  std::optional<double> rate;  // Hz
  std::vector<std::string> leads;
  std::vector<std::string> units;  // one for all leads, or one each; likewise the next two
  std::vector<double> gain;        // physical = (value - baseline) / gain, in units
  std::vector<double> baseline;
  std::string start_date;
  std::string start_time;
  std::vector<std::string> comments;
};

// NAME.json for NAME.npy; all empty if there is none. Throws Error naming the file and the key.
std::filesystem::path side_file_of(const std::filesystem::path& recording);
SideFile read_side_file(const std::filesystem::path& path);

// Of the leads' samples: physical = value * factor + offset, voltages in mV.
struct SideScale {
  double factor = 1;
  double offset = 0;
};

// Fills what `side` says of leads, rate and all else into `info`, whose leads' names and units are kept where
// it says nothing of them. Throws Error, naming `file`, where their numbers differ.
std::vector<SideScale> apply_side_file(const SideFile& side, const std::string& file, ReaderInfo& info);

// Writes NAME.json for the recording's physical samples, or, with `digital`, for its converter's numbers.
void write_side_file(const std::filesystem::path& recording, const ReaderInfo& info, bool digital);

}  // namespace sec::io
