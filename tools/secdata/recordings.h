// Finds recordings in folders, with their files and annotations.
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
  std::vector<FoundRecording> recordings;  // sorted by name
  std::vector<std::string> problems;       // files that RECORDS lists but that do not exist
};

// Returns `path` alone if it is not a folder. Otherwise searches the folder and its subfolders for WFDB
// records and EDF files, except segments of other records. Throws Error if there is none.
FoundRecordings find_recordings(const std::filesystem::path& path);

// The files that hold a recording's samples. For a record in segments the list is incomplete.
std::vector<std::filesystem::path> files_of(const std::filesystem::path& path);

// The recording's annotation file; empty if the annotations are in the recording's own file.
std::filesystem::path annotation_file_of(const std::filesystem::path& path, const std::string& annotator);

// The recording's annotations:
// those in an EDF file, otherwise those of the annotation file with its name and the extension `annotator`;
// nullopt if there is none. Samples are counted at the file's `resolution`, in Hz.
std::optional<io::AnnotationFile> annotations_of(const std::filesystem::path& path,
                                                 io::RecordingReader& reader,
                                                 const std::string& annotator = "atr");

}  // namespace sec::tools
