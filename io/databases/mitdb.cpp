#include "io/databases/mitdb.h"

#include <algorithm>
#include <set>
#include <sstream>

#include "engine/error.h"
#include "io/files/read_file.h"

namespace sec::io {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t largest_marker = 1'000'000;  // bytes
constexpr std::uintmax_t largest_list = 64'000'000;   // bytes of RECORDS

constexpr Split ds1 = Split::ds1;
constexpr Split ds2 = Split::ds2;
constexpr Split paced = Split::paced;

constexpr MitdbRecord records[] = {
    {"100", ds2, "100"},   {"101", ds1, "101"}, {"102", paced, "102"}, {"103", ds2, "103"},
    {"104", paced, "104"}, {"105", ds2, "105"}, {"106", ds1, "106"},   {"107", paced, "107"},
    {"108", ds1, "108"},   {"109", ds1, "109"}, {"111", ds2, "111"},   {"112", ds1, "112"},
    {"113", ds2, "113"},   {"114", ds1, "114"}, {"115", ds1, "115"},   {"116", ds1, "116"},
    {"117", ds2, "117"},   {"118", ds1, "118"}, {"119", ds1, "119"},   {"121", ds2, "121"},
    {"122", ds1, "122"},   {"123", ds2, "123"}, {"124", ds1, "124"},   {"200", ds2, "200"},
    {"201", ds1, "201"},   {"202", ds2, "201"}, {"203", ds1, "203"},   {"205", ds1, "205"},
    {"207", ds1, "207"},   {"208", ds1, "208"}, {"209", ds1, "209"},   {"210", ds2, "210"},
    {"212", ds2, "212"},   {"213", ds2, "213"}, {"214", ds2, "214"},   {"215", ds1, "215"},
    {"217", paced, "217"}, {"219", ds2, "219"}, {"220", ds1, "220"},   {"221", ds2, "221"},
    {"222", ds2, "222"},   {"223", ds1, "223"}, {"228", ds2, "228"},   {"230", ds1, "230"},
    {"231", ds2, "231"},   {"232", ds2, "232"}, {"233", ds2, "233"},   {"234", ds2, "234"},
};

constexpr MitdbCounts published = {{45866, 944, 3788, 415, 8}, {44259, 1837, 3221, 388, 7}};

// Finds the line "DS1 N 12 S 3 V 4 F 5 Q 6" of a marker file and parses its counts.
std::optional<ClassCounts> find_counts(const std::string& text, const std::string& part,
                                       const std::string& file) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string name;
    if (!(fields >> name) || name != part) {
      continue;
    }
    ClassCounts counts{};
    bool good = true;
    for (std::size_t c = 0; c < beat_classes; ++c) {
      good = good && fields >> name >> counts[c] && name == beat_class_names[c];
    }
    require(good, "{}: '{}', expected beat counts such as {} N 1 S 2 V 3 F 4 Q 5", file, line, part);
    return counts;
  }
  return std::nullopt;
}

ClassCounts stated_counts(const std::string& text, const std::string& split, const std::string& file) {
  const std::optional<ClassCounts> counts = find_counts(text, split, file);
  require(counts.has_value(), "{}: no line with the beat counts of {}", file, split);
  return *counts;
}

}  // namespace

std::span<const MitdbRecord> mitdb_records() {
  return records;
}

const MitdbRecord& mitdb_record(std::string_view name) {
  const auto* found = std::ranges::find(records, name, &MitdbRecord::name);
  require(found != std::end(records), "'{}' is not a record of the MIT-BIH Arrhythmia Database", name);
  return *found;
}

bool is_synthetic(const fs::path& folder) {
  return fs::exists(folder / synthetic_marker);
}

MitdbCounts expected_counts(const fs::path& folder) {
  if (!is_synthetic(folder)) {
    return published;
  }
  const fs::path marker = folder / synthetic_marker;
  const std::string text = read_file(marker, largest_marker);
  return {stated_counts(text, "DS1", marker.string()), stated_counts(text, "DS2", marker.string())};
}

std::optional<ClassCounts> synthetic_total(const fs::path& folder) {
  const fs::path marker = folder / synthetic_marker;
  return find_counts(read_file(marker, largest_marker), "All", marker.string());
}

void check_counts(const fs::path& folder, Split split, const ClassCounts& found) {
  require(split != Split::paced, "{}: no beats are stated for the paced records", folder.string());
  const MitdbCounts counts = expected_counts(folder);
  const ClassCounts& expected = split == Split::ds1 ? counts.ds1 : counts.ds2;
  require(found == expected, "{}: {} has beats {}, expected {}", folder.string(),
          split == Split::ds1 ? "DS1" : "DS2", text_of(found), text_of(expected));
}

std::vector<std::string> read_record_names(const fs::path& folder) {
  const fs::path path = folder / "RECORDS";
  std::istringstream lines(read_file(path, largest_list));
  std::vector<std::string> names;
  std::set<std::string> seen;
  for (std::string line; std::getline(lines, line);) {
    line.erase(line.find_last_not_of(" \t\r") + 1);
    if (line.empty()) {
      continue;
    }
    require(seen.insert(line).second, "{}: '{}' is named twice", path.string(), line);
    names.push_back(line);
  }
  require(!names.empty(), "{}: names no record", path.string());
  return names;
}

}  // namespace sec::io
