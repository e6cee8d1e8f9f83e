// Recordings that lie in files, and what is annotated in them.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "io/recording/reader.h"
#include "io/wfdb/annotation.h"

namespace sec::tools {

struct FoundRecording {
  std::filesystem::path path;  // what open_recording takes
  std::string name;            // relative to the folder that was searched, without ".hea"
};

struct FoundRecordings {
  std::vector<FoundRecording> recordings;  // in order of their names
  std::vector<std::string> problems;       // what RECORDS files name and what is not there
};

// What `path` is, if it is no folder; otherwise all WFDB records and EDF files in it and in the folders
// inside, but for the segments of other records, which are read with these. Throws Error if there is none.
FoundRecordings find_recordings(const std::filesystem::path& path);

// Where a recording's annotations are if not inside its file; empty if they are.
std::filesystem::path annotation_file_of(const std::filesystem::path& path, const std::string& annotator);

// A recording's own annotations: those in an EDF file, or else the annotation file of its name with that
// extension; nothing if there is none. Their samples are counted at the `resolution` that is stated, in Hz.
std::optional<io::AnnotationFile> annotations_of(const std::filesystem::path& path,
                                                 io::RecordingReader& reader,
                                                 const std::string& annotator = "atr");

}  // namespace sec::tools
