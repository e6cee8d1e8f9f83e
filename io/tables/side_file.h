// Side files: NAME.npy.json beside NAME.npy, or NAME.csv.json beside NAME.csv, adds what these formats cannot
// express.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "io/files/file_group.h"
#include "io/recording/reader.h"

namespace sec::io {

// {"rate": 360, "leads": ["MLII", "V5"], "units": "mV", "gain": 200, "baseline": 1024,
// "start_date": "02/03/2002", "start_time": "12:30:05", "comments": ["Age: 56"]}
// "units", "gain" and "baseline" may also be lists with one value per lead.
// All keys are optional; the reader of each format reports the ones it lacks.
struct SideFile {
  std::optional<double> rate;  // Hz
  std::vector<std::string> leads;
  std::vector<std::string> units;  // one for all leads, or one per lead; also for gain and baseline
  std::vector<double> gain;        // physical = (value - baseline) / gain, in units
  std::vector<double> baseline;
  std::string start_date;
  std::string start_time;
  std::vector<std::string> comments;
};

// The path of a recording's side file: NAME.npy.json for NAME.npy.
std::filesystem::path side_file_of(const std::filesystem::path& recording);

// The side file to read for a recording: NAME.npy.json or, from earlier versions, NAME.json. Returns the path
// of the former if neither exists. NAME.json is read only if no other recording can own it: throws Error if
// there is also, for example, a NAME.csv without a NAME.csv.json.
std::filesystem::path find_side_file(const std::filesystem::path& recording);

// Returns an empty SideFile if the file does not exist. Throws Error naming the file and the key.
SideFile read_side_file(const std::filesystem::path& path);

// Scaling of a lead's samples: physical = value * factor + offset, with voltages in mV.
struct SideScale {
  double factor = 1;
  double offset = 0;
};

// Copies the contents of `side` into `info`; the leads keep their names and units where `side` has none.
// Returns the scaling of each lead. Throws Error, naming `file`, if the number of leads differs.
std::vector<SideScale> apply_side_file(const SideFile& side, const std::string& file, ReaderInfo& info);

// The name of a lead in a table or a side file, in which every lead needs one: "signal 1" if it has none.
std::string column_name(const ReaderInfo& info, std::size_t lead);

// Adds to `files` the side file of a table or an array of the recording's physical samples.
// With `digital`, the side file describes an array of digital values.
void write_side_file(FileGroup& files, const std::filesystem::path& recording, const ReaderInfo& info,
                     bool digital);

}  // namespace sec::io
