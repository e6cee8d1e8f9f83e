#include "io/databases/recording_annotations.h"

#include <algorithm>

#include "engine/error.h"
#include "io/databases/mitdb.h"
#include "io/databases/open_recording.h"
#include "io/tables/annotation_table.h"

namespace sec::io {
namespace {

namespace fs = std::filesystem;

bool is_edf(const fs::path& path) {
  return path.extension() == ".edf" || path.extension() == ".EDF";
}

// The path without the extension of its format.
fs::path base_of(const fs::path& path) {
  return path.extension() == ".hea" || !is_wfdb_record(path) ? fs::path(path).replace_extension() : path;
}

}  // namespace

fs::path annotation_file_of(const fs::path& path, const std::string& annotator) {
  return is_edf(path) ? fs::path() : fs::path(base_of(path).string() + "." + annotator);
}

fs::path annotations_found_in(const fs::path& path, const std::string& annotator) {
  fs::path file = base_of(path).string() + "." + annotator;
  if (fs::exists(file)) {
    return file;
  }
  if (annotator == "atr" && fs::exists(annotation_table_of(path))) {
    return annotation_table_of(path);
  }
  return is_edf(path) ? path : file;
}

std::optional<AnnotationFile> annotations_of(const fs::path& path, RecordingReader& reader,
                                             const std::string& annotator) {
  AnnotationFile found;
  if (is_edf(path)) {
    found.annotations = reader.annotations();
    found.resolution = annotation_rate(reader.info());
    if (!found.annotations.empty()) {
      return found;
    }
  }
  const fs::path file = annotations_found_in(path, annotator);
  if (is_annotation_table(file)) {
    found.annotations = read_annotation_table(file, reader.info().rate);
    found.resolution = reader.info().rate;
    return found;
  }
  if (file == path) {
    return found;  // an EDF file without annotations
  }
  if (!fs::exists(file)) {
    return std::nullopt;
  }
  found = read_annotation_file(file, reader.info().rate);
  found.resolution = reader.info().rate;
  return found;
}

std::vector<std::string> annotated_recordings(const fs::path& folder) {
  if (fs::exists(folder / "RECORDS")) {
    return read_record_names(folder);
  }
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const fs::path& path = entry.path();
    const std::string extension = path.extension().string();
    const bool table =
        extension == ".csv" || extension == ".tsv" || extension == ".npy" || extension == ".hea";
    if (is_edf(path)) {
      names.push_back(path.filename().string());
    } else if (table && !is_annotation_table(path) && fs::exists(annotations_found_in(path))) {
      names.push_back(extension == ".hea" ? path.stem().string() : path.filename().string());
    }
  }
  std::ranges::sort(names);
  require(!names.empty(), "{}: no RECORDS, and no recording with annotations beside it or in it",
          folder.string());
  return names;
}

}  // namespace sec::io
