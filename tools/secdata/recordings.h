// Finds recordings in folders.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace sec::tools {

struct FoundRecording {
  std::filesystem::path path;  // the argument of open_recording
  std::string name;            // relative to the folder that was searched, without ".hea"
};

struct FoundRecordings {
  std::vector<FoundRecording> recordings;  // in order of their names
  std::vector<std::string> problems;       // records that a RECORDS file names but that are missing
};

// Returns `path` itself if it is no folder. Otherwise returns all WFDB records and EDF files in the folder and
// its subfolders, links followed, except segments, which belong to other records. Throws Error if there is none.
FoundRecordings find_recordings(const std::filesystem::path& path);

}  // namespace sec::tools
