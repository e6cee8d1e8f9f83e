// Reads and writes whole WFDB records.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/recording/recording.h"
#include "io/wfdb/header.h"

namespace sec::io {

// A single-segment record as stored in its files.
struct DigitalRecord {
  WfdbHeader header;
  std::vector<std::vector<std::int32_t>> signals;  // [signal][sample], adu
  std::vector<std::string> warnings = {};          // of RecordingReader::verify
};

// Reads FOLDER/NAME.hea and all samples. Unless `verify` is false, initial values and checksums are verified
// where the header states them.
// `name` may contain subfolders ("records500/00001_hr"). Throws Error, naming the file and what was expected,
// on a truncated file, a name that leads out of the folder, signals without samples, and multi-segment
// records. For windows of a record, or a record that does not fit into memory, use open_wfdb.
DigitalRecord read_digital(const std::filesystem::path& folder, const std::string& name, bool verify = true);

// Converts a record to physical units (see lead_of) with NaN for invalid samples.
// Throws Error unless all signals have one sample per frame.
// read_record also throws the errors of read_digital.
Recording to_recording(const DigitalRecord& record);
Recording read_record(const std::filesystem::path& folder, const std::string& name, bool verify = true);

// Writes FOLDER/NAME.dat and then NAME.hea, each atomically.
// All signals go to one file, in the format that the header states for all of them (16, 24 or 212).
// File name, sample count, initial values and checksums are computed.
// Throws Error on a sample that the format cannot hold.
void write_digital(const std::filesystem::path& folder, const DigitalRecord& record);

}  // namespace sec::io
