// WFDB signal files (WFDB Applications Guide, signal(5)), formats 16 and 212, and whole records.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/recording.h"
#include "io/wfdb_header.h"

namespace sec::io {

// A record as it lies in its files.
struct DigitalRecord {
  WfdbHeader header;
  std::vector<std::vector<std::int32_t>> signals;  // [signal][sample], adu
};

// Reads FOLDER/NAME.hea and the signal files it names. Initial values and checksums are verified where the
// header gives them. `name` may hold subfolders ("records500/00001_hr"). Throws Error naming the file and
// what was expected: a truncated file, another format, several samples a frame, a name that leads out of the
// folder.
DigitalRecord read_digital(const std::filesystem::path& folder, const std::string& name);

// The same in physical units: voltages in mV whatever the header's units (V, uV, nV), anything else in its
// own units; invalid samples are NaN.
Recording to_recording(const DigitalRecord& record);
Recording read_record(const std::filesystem::path& folder, const std::string& name);

// Writes FOLDER/NAME.dat and then NAME.hea, each atomically, all signals in one file in the format of the
// header's signals (16 or 212, the same for all). File name, sample count, initial values and checksums of
// the header are filled in. Throws Error on a sample that the format cannot hold.
void write_digital(const std::filesystem::path& folder, const DigitalRecord& record);

}  // namespace sec::io
