// Two small databases side by side: "main" with records of MIT-BIH's names at 360 Hz, and "other" as svdb is, with
// records s00001 and so on at 128 Hz, leads called ECG1 and ECG2, and headers without a gain.
#pragma once

#include <fstream>

#include "io/synthetic/database.h"
#include "tests/io/files.h"
#include "tests/train/tiny_run.h"

namespace sec::train {

// Replaces every `from` in a file.
inline void replace_in(const std::filesystem::path& path, const std::string& from, const std::string& to) {
  std::string text = io::content_of(path);
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  std::ofstream(path, std::ios::binary) << text;
}

class TwoDatabases {
 public:
  TwoDatabases() {
    io::SyntheticOptions options;
    options.minutes = 1;
    options.records = {"100", "101", "106", "119", "201", "202", "205", "208"};
    io::write_synthetic_database(main(), options);
    io::SyntheticOptions others;
    others.minutes = 1;
    others.seed = 5;
    others.count = 4;
    others.rate = 128;
    io::write_synthetic_database(other(), others);
    for (const char* name : {"s00001", "s00002", "s00003", "s00004"}) {
      const std::filesystem::path header = other() / (std::string(name) + ".hea");
      replace_in(header, " MLII", " ECG1");
      replace_in(header, " V1", " ECG2");
      replace_in(header, " 212 200 ", " 212 0 ");
    }
  }

  std::filesystem::path main() const { return folder_ / "main"; }
  std::filesystem::path other() const { return folder_ / "other"; }

 private:
  io::TemporaryFolder folder_;
};

// A section of a recipe for the database "other".
inline const std::string other_section =
    "[data.databases.other]\nleads = [\"ECG1\", \"ECG2\"]\ngain = 200.0\n";

inline Recipe both_recipe(const std::vector<std::string>& overrides = {}) {
  std::vector<std::string> all = {"data.train=['101','106','119','208','201','other:*']"};
  all.insert(all.end(), overrides.begin(), overrides.end());
  return parse_recipe(tiny_recipe_text + other_section, "both.toml", all);
}

}  // namespace sec::train
