// WFDB records whole, in and out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/recording/recording.h"
#include "io/wfdb/header.h"

namespace sec::io {

// A record in one piece as it lies in its files.
struct DigitalRecord {
  WfdbHeader header;
  std::vector<std::vector<std::int32_t>> signals;  // [signal][sample], adu
  std::vector<std::string> warnings = {};          // of RecordingReader::verify
};

// Reads FOLDER/NAME.hea and all samples. Unless `verify` is false, initial values and checksums are verified where the
// header gives them. `name` may hold subfolders ("records500/00001_hr"). Throws Error naming the file and what was
// expected: a truncated file, a name that leads out of the folder, signals without samples, a record in
// segments. For parts of a record, and what does not fit into memory: open_wfdb.
DigitalRecord read_digital(const std::filesystem::path& folder, const std::string& name, bool verify = true);

// The same in physical units: see lead_of. Invalid samples are NaN. Throws Error also unless all signals have
// one sample a frame.
Recording to_recording(const DigitalRecord& record);
Recording read_record(const std::filesystem::path& folder, const std::string& name, bool verify = true);

// Writes FOLDER/NAME.dat and then NAME.hea, each atomically, all signals in one file in the format of the
// header's signals (16, 24 or 212, the same for all). File name, sample count, initial values and checksums
// of the header are filled in. Throws Error on a sample that the format cannot hold.
void write_digital(const std::filesystem::path& folder, const DigitalRecord& record);

}  // namespace sec::io
