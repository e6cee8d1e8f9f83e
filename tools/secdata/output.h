// Output functions of the subcommands of secdata, and the options that they share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"
#include "io/recording/recording.h"
#include "io/scoring/aami.h"

namespace sec::tools {

using Json = nlohmann::ordered_json;

// A usage error that the command line's parser does not detect.
struct UsageError : Error {
  using Error::Error;
};

// Prints to standard output. Throws Error if that fails.
void print(std::string_view text);
void print_json(const Json& json);  // one line

// A field of a CSV file, quoted if necessary.
std::string quoted(const std::string& field);

using Histogram = std::map<std::string, std::int64_t>;

Histogram symbols_of(const std::vector<io::Annotation>& annotations);
std::string text_of(const Histogram& histogram);
Json json_of(const io::ClassCounts& counts);

// Example arguments: "data/mitdb/100" or "data/mitdb/100.hea".
struct RecordPath {
  std::filesystem::path folder;
  std::string name;

  explicit RecordPath(const std::string& text);
  std::filesystem::path file(const std::string& extension) const { return folder / (name + "." + extension); }
};

}  // namespace sec::tools
