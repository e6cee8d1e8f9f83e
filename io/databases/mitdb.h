// The MIT-BIH Arrhythmia Database as a data set: its records, whose they are, and the division by patient of
// de Chazal et al. 2004 ("Automatic classification of heartbeats using ECG morphology and heartbeat interval
// features"). A synthetic database of the same layout (synthetic.h) is told by its marker file.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/scoring/aami.h"

namespace sec::io {

enum class Split { ds1, ds2, paced };  // train, test, and the four paced records that EC57 leaves out

struct MitdbRecord {
  std::string_view name;
  Split split;
  std::string_view subject;  // the record's name, but 201 for 202: these are one person
};

std::span<const MitdbRecord> mitdb_records();            // all 48, in order
const MitdbRecord& mitdb_record(std::string_view name);  // throws Error if there is none of that name

constexpr std::string_view synthetic_marker = "SYNTHETIC.txt";

struct MitdbCounts {
  ClassCounts ds1{};
  ClassCounts ds2{};

  friend bool operator==(const MitdbCounts&, const MitdbCounts&) = default;
};

bool is_synthetic(const std::filesystem::path& folder);

// The beats by class that the database in `folder` must have: the published ones, or for a synthetic
// database those its marker file states. Throws Error if the marker states none.
MitdbCounts expected_counts(const std::filesystem::path& folder);

// The beats by class of a synthetic database of other records than MIT-BIH's, as its marker file states them;
// nothing where it states none.
std::optional<ClassCounts> synthetic_total(const std::filesystem::path& folder);

// Throws Error, naming split and both sets of counts, unless the counts found in a split are those expected.
void check_counts(const std::filesystem::path& folder, Split split, const ClassCounts& found);

// The names in FOLDER/RECORDS, one a line. Throws Error on a missing or empty file, or a repeated name.
std::vector<std::string> read_record_names(const std::filesystem::path& folder);

}  // namespace sec::io
