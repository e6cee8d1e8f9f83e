#include "io/databases/open_recording.h"

#include <algorithm>
#include <set>
#include <string>
#include <system_error>

#include "engine/error.h"
#include "io/databases/tianchi.h"
#include "io/edf/reader.h"
#include "io/recording/memory_reader.h"
#include "io/tables/annotation_table.h"
#include "io/tables/csv_reader.h"
#include "io/tables/npy_reader.h"
#include "io/tables/side_file.h"
#include "io/wfdb/header.h"
#include "io/wfdb/reader.h"

namespace sec::io {
namespace {

std::string lower_extension(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  std::ranges::transform(extension, extension.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return extension;
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
  const fs::path folder = base.parent_path();
  const WfdbHeader header = read_wfdb_header(base.string() + ".hea");
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
