// secdata convert: writes recordings in another format.
#include <algorithm>
#include <filesystem>

#include "io/databases/open_recording.h"
#include "io/edf/writer.h"
#include "io/tables/csv_writer.h"
#include "io/tables/npy_writer.h"
#include "io/tables/side_file.h"
#include "io/wfdb/writer.h"
#include "tools/secdata/commands.h"
#include "tools/secdata/losses.h"
#include "tools/secdata/output.h"
#include "tools/secdata/recordings.h"

namespace sec::tools {
namespace {

namespace fs = std::filesystem;
using namespace sec::io;

enum class Kind { wfdb, edf, csv, npy };

struct Target {
  Kind kind = Kind::wfdb;
  int wfdb_format = 16;
  fs::path path;         // what open_recording takes
  fs::path annotations;  // written beside it; empty if inside the file or already there
  std::vector<fs::path> files;
};

Kind kind_of(const ConvertOptions& options) {
  const std::string& format = options.format;
  const std::string extension = fs::path(options.to).extension().string();
  const auto by_name = [](const std::string& name) -> std::optional<Kind> {
    return name == "edf"                    ? std::optional(Kind::edf)
           : name == "csv" || name == "tsv" ? std::optional(Kind::csv)
           : name == "npy"                  ? std::optional(Kind::npy)
                                            : std::nullopt;
  };
  const std::optional<Kind> by_extension = by_name(extension.empty() ? "" : extension.substr(1));
  const Kind kind = format.empty() ? by_extension.value_or(Kind::wfdb) : by_name(format).value_or(Kind::wfdb);
  if (by_extension.value_or(Kind::wfdb) != kind) {
    throw UsageError(fmt::format("--format {}: does not go with the name {}", format, options.to));
  }
  return kind;
}

Target target_of(const ConvertOptions& options) {
  Target target;
  target.kind = kind_of(options);
  target.path = options.to;
  fs::path base = options.to;
  if (target.kind != Kind::wfdb || base.extension() == ".hea") {
    base.replace_extension();
  }
  if (options.digital && target.kind != Kind::npy) {
    throw UsageError(
        "--digital: only .npy files can hold either physical samples or the converter's numbers");
  }
  switch (target.kind) {
    case Kind::wfdb:
      target.wfdb_format = options.format == "24" ? 24 : options.format == "212" ? 212 : 16;
      target.path = base;
      target.files = {base.string() + ".dat", base.string() + ".hea"};
      break;
    case Kind::npy:
      target.files = {target.path, side_file_of(target.path)};
      break;
    case Kind::edf:
    case Kind::csv:
      target.files = {target.path};
      break;
  }
  const fs::path beside = base.string() + "." + options.annotator;
  std::error_code none;
  // Where both lie side by side, they have their annotations in common.
  if (target.kind != Kind::edf &&
      !fs::equivalent(beside, annotation_file_of(options.from, options.annotator), none)) {
    target.annotations = beside;
    target.files.push_back(beside);
  }
  return target;
}

void write_samples(const Target& target, RecordingReader& source, const AnnotationFile& annotations,
                   bool digital) {
  switch (target.kind) {
    case Kind::wfdb:
      write_wfdb(target.path, source, target.wfdb_format);
      break;
    case Kind::edf:
      write_edf(target.path, source, annotations.annotations);
      break;
    case Kind::csv:
      write_csv(target.path, source);
      break;
    case Kind::npy:
      write_npy(target.path, source, digital);
      break;
  }
}

// Throws Error where something would be replaced that was not meant, or read while it is replaced.
void require_free(const Target& target, const ConvertOptions& options) {
  const std::vector<fs::path> own = files_of(options.from);
  for (const fs::path& file : target.files) {
    require(options.overwrite || !fs::exists(file), "{}: is there already (--overwrite replaces it)",
            file.string());
    for (const fs::path& read : own) {
      std::error_code none;
      require(!fs::equivalent(file, read, none), "{}: would be written onto itself", file.string());
    }
  }
}

void write_annotations_beside(const Target& target, const std::optional<AnnotationFile>& annotations,
                              double rate) {
  if (!annotations) {
    fs::remove(target.annotations);  // from an earlier conversion
    return;
  }
  AnnotationFile written = *annotations;
  written.resolution = written.resolution == rate ? 0 : written.resolution;
  write_annotation_file(target.annotations, written);
}

}  // namespace

bool convert(const ConvertOptions& options) {
  const Target target = target_of(options);
  const auto source = open_recording(options.from);
  std::optional<AnnotationFile> annotations = annotations_of(options.from, *source, options.annotator);
  if (annotations && annotations->annotations.empty()) {
    annotations.reset();
  }
  require_free(target, options);
  write_samples(target, *source, annotations.value_or(AnnotationFile{}), options.digital);
  if (!target.annotations.empty()) {
    write_annotations_beside(target, annotations, source->info().rate);
  }

  const auto result = open_recording(target.path);
  std::vector<std::string> losses = losses_of(*source, *result);
  if (annotations) {
    const std::optional<AnnotationFile> found = annotations_of(target.path, *result, options.annotator);
    const std::vector<std::string> more = losses_of(*annotations, found.value_or(AnnotationFile{}));
    losses.insert(losses.end(), more.begin(), more.end());
  }
  const std::size_t count = annotations ? annotations->annotations.size() : 0;
  if (options.as_json) {
    print_json(Json{{"record", target.path.string()},
                    {"samples", result->info().samples},
                    {"annotations", count},
                    {"not_kept", losses}});
  } else if (!options.quiet) {
    print(fmt::format("{}: {} samples of {} leads, {} annotations; {}{}\n", target.path.string(),
                      result->info().samples, result->info().leads.size(), count,
                      losses.empty() ? "nothing is lost" : "not kept: ", fmt::join(losses, ", ")));
  }
  return true;
}

}  // namespace sec::tools
