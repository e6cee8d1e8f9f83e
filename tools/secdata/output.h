// Output functions that the subcommands of secdata share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"
#include "io/files/json.h"
#include "io/files/standard_streams.h"
#include "io/recording/recording.h"
#include "io/scoring/aami.h"

namespace sec::tools {

using io::Json;

// Wrong usage that is found only after the command line was parsed: exit status 2.
struct UsageError : Error {
  using Error::Error;
};

using io::print;

// Writes one line to standard output. Throws Error if writing fails.
void print_json(const Json& json);

// Returns a field for a CSV file, in quotes if it holds commas, quotes or line ends.
std::string quoted(const std::string& field);

using Histogram = std::map<std::string, std::int64_t>;

Histogram symbols_of(const std::vector<io::Annotation>& annotations);
std::string text_of(const Histogram& histogram);
Json json_of(const io::ClassCounts& counts);

// A WFDB record named as "data/mitdb/100" or "data/mitdb/100.hea".
struct RecordPath {
  std::filesystem::path folder;
  std::string name;

  explicit RecordPath(const std::string& text);
  std::filesystem::path file(const std::string& extension) const { return folder / (name + "." + extension); }
};

}  // namespace sec::tools
