// The MIT-BIH Arrhythmia Database: its records, their subjects, and de Chazal et al.'s split by patient
// (2004, "Automatic classification of heartbeats using ECG morphology and heartbeat interval features").
// A synthetic database of the same layout (io/synthetic/database.h) is recognised by its marker file.
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
  std::string_view subject;  // the record's name; 201 for record 202, which is of the same person
};

std::span<const MitdbRecord> mitdb_records();            // all 48, in order
const MitdbRecord& mitdb_record(std::string_view name);  // throws Error if there is no such record

constexpr std::string_view synthetic_marker = "SYNTHETIC.txt";

struct MitdbCounts {
  ClassCounts ds1{};
  ClassCounts ds2{};

  friend bool operator==(const MitdbCounts&, const MitdbCounts&) = default;
};

bool is_synthetic(const std::filesystem::path& folder);

// The number of beats per class that the database in `folder` must have:
// the published counts, or, for a synthetic database, the counts in its marker file.
// Throws Error if the marker file contains none.
MitdbCounts expected_counts(const std::filesystem::path& folder);

// The number of beats per class of a synthetic database that does not imitate MIT-BIH's records,
// read from its marker file; nullopt if the marker file contains no such counts.
std::optional<ClassCounts> synthetic_total(const std::filesystem::path& folder);

// Throws Error, naming the split and both sets of counts, if the counts found differ from those expected.
void check_counts(const std::filesystem::path& folder, Split split, const ClassCounts& found);

// Reads the record names in FOLDER/RECORDS, one per line.
// Throws Error if the file is missing or empty, or if a name is repeated.
std::vector<std::string> read_record_names(const std::filesystem::path& folder);

}  // namespace sec::io
