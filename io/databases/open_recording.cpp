#include "io/databases/open_recording.h"

#include <algorithm>
#include <set>
#include <string>
#include <system_error>

#include "engine/error.h"
#include "io/databases/tianchi.h"
#include "io/edf/reader.h"
#include "io/files/folder.h"
#include "io/files/utf8.h"
#include "io/recording/memory_reader.h"
#include "io/tables/annotation_table.h"
#include "io/tables/csv_reader.h"
#include "io/tables/npy_reader.h"
#include "io/tables/side_file.h"
#include "io/wfdb/header.h"
#include "io/wfdb/reader.h"

namespace sec::io {

std::string lower_extension(const std::filesystem::path& path) {
  return lower(path.extension().string());
}

namespace {

// The first recording in a folder, for a message; empty if there is none.
std::string example_in(const std::filesystem::path& folder) {
  for (const std::filesystem::path& file : files_below(folder)) {
    if (file.extension() == ".hea") {
      return std::filesystem::path(file).replace_extension().string();
    }
    if (!is_wfdb_record(file) && lower_extension(file) != ".txt") {
      return file.string();
    }
  }
  return "";
}

// Throws Error if the path names something from which a recording cannot be opened: a folder, an archive, another file
// of a WFDB record, as completion in a shell suggests. The message says what to name instead.
void require_recording(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  std::error_code none;
  const std::string name = path.string();
  if (fs::is_directory(path, none) && !fs::exists(name + ".hea", none)) {
    const std::string example = example_in(path);
    fail("{}: a folder, expected a recording{}{}", name, example.empty() ? "" : ", such as ", example);
  }
  if (!is_wfdb_record(path) || fs::exists(name + ".hea", none)) {
    return;
  }
  const std::string extension = lower_extension(path);
  const fs::path base = fs::path(path).replace_extension();
  const bool is_file = fs::is_regular_file(path, none);
  for (const char* archive : {".zip", ".gz", ".tgz", ".tar", ".bz2", ".xz", ".7z", ".rar"}) {
    require(!is_file || extension != archive, "{}: an archive; unpack it and name a recording in it", name);
  }
  const bool is_header = path.extension() == ".hea";
  require(is_header || !(is_file || name.ends_with('.')) || !fs::exists(base.string() + ".hea", none),
          "{}: belongs to a WFDB record; name the record, {}", name, base.string());
  require(
      is_header || !is_file,
      "{}: not a recording; expected a WFDB record, or a file whose name ends in .edf, .csv, .tsv, .npy or .txt",
      name);
  for (const char* other : {".edf", ".csv", ".tsv", ".npy", ".EDF", ".CSV"}) {
    require(!fs::is_regular_file(name + other, none),
            "{}: there is no {}.hea; name the file with its extension, {}{}", name, name, name, other);
  }
}

}  // namespace

bool is_wfdb_record(const std::filesystem::path& path) {
  const std::string extension = lower_extension(path);
  return extension != ".edf" && extension != ".csv" && extension != ".tsv" && extension != ".npy" &&
         extension != ".txt";
}

std::vector<std::filesystem::path> files_of_recording(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  const std::string extension = lower_extension(path);
  std::vector<fs::path> files;
  const auto add = [&](const fs::path& file) {
    if (fs::exists(file)) {
      files.push_back(file);
    }
  };
  add(annotation_table_of(path));
  if (!is_wfdb_record(path)) {
    add(path);
    if (extension != ".edf" && extension != ".txt") {
      add(find_side_file(path));
      add(fs::path(path).replace_extension(".atr"));
    }
    return files;
  }
  const fs::path base = extension == ".hea" ? fs::path(path).replace_extension() : path;
  const WfdbHeader header = read_wfdb_header(base.string() + ".hea");
  const fs::path folder = wfdb_signal_folder(base.string() + ".hea", header);
  add(base.string() + ".hea");
  add(base.string() + ".atr");
  const auto add_signals = [&](const WfdbHeader& of) {
    for (const WfdbSignal& signal : of.signals) {
      add(folder / signal.file);
    }
  };
  add_signals(header);
  std::set<std::string> segments;
  for (const WfdbSegment& segment : header.segments) {
    const fs::path file = folder / (segment.name + ".hea");
    if (segments.insert(segment.name).second && fs::exists(file)) {
      add(file);
      add(folder / (segment.name + ".atr"));
      add_signals(read_wfdb_header(file));
    }
  }
  return files;
}

void require_not_read(const std::filesystem::path& target, const std::filesystem::path& recording) {
  for (const std::filesystem::path& file : files_of_recording(recording)) {
    std::error_code none;
    require(!std::filesystem::equivalent(target, file, none),
            "{}: is a part of the recording {} that is read, and is not replaced", target.string(),
            recording.string());
  }
}

std::unique_ptr<RecordingReader> open_recording(const std::filesystem::path& path) {
  require_recording(path);
  const std::string extension = lower_extension(path);
  if (extension == ".edf") {
    return open_edf(path);
  }
  if (extension == ".csv" || extension == ".tsv") {
    return open_csv(path);
  }
  if (extension == ".npy") {
    return open_npy(path);
  }
  if (extension == ".txt") {
    return reader_of(read_tianchi(path));
  }
  return open_wfdb(path);
}

}  // namespace sec::io
