// Finds the annotations of a recording of any format.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "io/recording/reader.h"
#include "io/wfdb/annotation.h"

namespace sec::io {

// Where a recording's annotations are if not inside its file: NAME.ANNOTATOR; empty for EDF files.
std::filesystem::path annotation_file_of(const std::filesystem::path& path, const std::string& annotator);

// Reads a recording's annotations from the first of these that exists: an EDF file itself if it has any, the WFDB
// annotation file with the recording's name and the extension `annotator`, and, if that is "atr", the table
// NAME.annotations.csv (io/tables/annotation_table.h). nullopt if there are none.
// Sample numbers count at the returned `resolution`, in Hz.
std::optional<AnnotationFile> annotations_of(const std::filesystem::path& path, RecordingReader& reader,
                                             const std::string& annotator = "atr");

// The file from which annotations_of() would read them, for messages.
std::filesystem::path annotations_found_in(const std::filesystem::path& path,
                                           const std::string& annotator = "atr");

// The recordings of a folder whose beats may be annotated, for "*" in a recipe: those that RECORDS names, or, without
// that file, EDF files and recordings beside which there are annotations, by name. Throws Error if there is none.
std::vector<std::string> annotated_recordings(const std::filesystem::path& folder);

}  // namespace sec::io
