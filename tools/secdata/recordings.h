// Finds recordings in folders, and the files and annotations that belong to them.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "io/recording/reader.h"
#include "io/wfdb/annotation.h"

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

// Where a recording's annotations are if not inside its file; empty if they are.
std::filesystem::path annotation_file_of(const std::filesystem::path& path, const std::string& annotator);

// Reads a recording's annotations: from inside an EDF file, otherwise from the annotation file with the
// recording's name and the extension `annotator`. Returns nothing if there are none.
// Sample numbers count at the returned `resolution`, in Hz.
std::optional<io::AnnotationFile> annotations_of(const std::filesystem::path& path,
                                                 io::RecordingReader& reader,
                                                 const std::string& annotator = "atr");

}  // namespace sec::tools
