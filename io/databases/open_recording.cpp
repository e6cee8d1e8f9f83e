#include "io/databases/open_recording.h"

#include <algorithm>
#include <string>

#include "io/databases/tianchi.h"
#include "io/edf/reader.h"
#include "io/recording/memory_reader.h"
#include "io/tables/csv_reader.h"
#include "io/tables/npy_reader.h"
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
