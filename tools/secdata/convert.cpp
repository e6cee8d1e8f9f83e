// secdata convert: writes recordings in another format.
#include <algorithm>
#include <filesystem>

#include "io/databases/open_recording.h"
#include "io/databases/recording_annotations.h"
#include "io/edf/writer.h"
#include "io/files/atomic_file.h"
#include "io/files/file_group.h"
#include "io/recording/lead_names.h"
#include "io/recording/part_reader.h"
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
  fs::path path;         // the path to open the recording by
  fs::path base;         // the path without extension
  fs::path annotations;  // file to be written or removed; empty if the annotations need none
  std::vector<fs::path> files;
};

Kind kind_of(const ConvertOptions& options) {
  const std::string& format = options.format;
  const std::string extension = lower_extension(options.to);
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
    case Kind::csv:
      target.files = {target.path, side_file_of(target.path)};
      break;
    case Kind::edf:
      target.files = {target.path};
      break;
  }
  target.base = base;
  const fs::path beside = base.string() + "." + options.annotator;
  std::error_code none;
  // A source and a target with the same folder and name share their annotation file.
  if (target.kind != Kind::edf &&
      !fs::equivalent(beside, annotation_file_of(options.from, options.annotator), none)) {
    target.annotations = beside;
    target.files.push_back(beside);
  }
  return target;
}

// Writes the recording and its annotations, which appear together or not at all.
void write(const Target& target, RecordingReader& source, const std::optional<AnnotationFile>& annotations,
           bool digital) {
  FileGroup files;
  switch (target.kind) {
    case Kind::wfdb:
      write_wfdb(files, target.path, source, target.wfdb_format);
      break;
    case Kind::edf:
      write_edf(target.path, source, annotations.value_or(AnnotationFile{}).annotations);
      return;
    case Kind::csv:
      write_csv(files, target.path, source);
      break;
    case Kind::npy:
      write_npy(files, target.path, source, digital);
      break;
  }
  if (!target.annotations.empty() && annotations) {
    write_annotation_file(files, target.annotations, *annotations);
  } else if (!target.annotations.empty()) {
    files.remove(target.annotations);  // annotations of a recording that is replaced
  }
  files.commit();
}

// Throws Error if a file would be replaced without --overwrite, or is a part of the source.
void require_free(const Target& target, const ConvertOptions& options) {
  std::error_code none;
  const fs::path annotations = annotation_file_of(options.from, options.annotator);
  for (const fs::path& file : target.files) {
    require_not_read(file, options.from);
    require(!fs::equivalent(file, annotations, none),
            "{}: is a part of the recording {} that is read, and is not replaced", file.string(),
            options.from);
    require(options.overwrite || !fs::exists(file), "{}: is there already (--overwrite replaces it)",
            file.string());
  }
}

// Throws Error if the annotation file that is written or removed is also that of a third recording, or if
// annotations of a replaced recording would remain beside the new one.
void require_own_annotations(const Target& target, const std::optional<AnnotationFile>& annotations,
                             const ConvertOptions& options) {
  std::error_code none;
  if (!target.annotations.empty() && (annotations || fs::exists(target.annotations))) {
    for (const char* extension : {".hea", ".csv", ".tsv", ".npy", ".CSV", ".TSV", ".NPY"}) {
      const fs::path other = target.base.string() + extension;
      const bool is_target =
          other == target.path || (target.kind == Kind::wfdb && other.extension() == ".hea");
      require(is_target || !fs::exists(other) || fs::equivalent(other, options.from, none),
              "{}: is also the annotation file of {}; choose another name", target.annotations.string(),
              other.string());
    }
  }
  const fs::path standard = target.base.string() + ".atr";
  require(target.kind == Kind::edf || options.annotator == "atr" || !fs::exists(standard) ||
              fs::equivalent(standard, annotation_file_of(options.from, "atr"), none),
          "{}: annotates another recording and would be read with {}; remove the file or choose another name",
          standard.string(), target.path.string());
}

// Leaves the annotation file as it is if it contains the same annotations already.
void keep_equal_annotations(Target& target, const std::optional<AnnotationFile>& annotations) {
  if (!annotations || target.annotations.empty() || !fs::exists(target.annotations)) {
    return;
  }
  AnnotationFile found;
  try {
    found = read_annotation_file(target.annotations);
  } catch (const Error&) {
    return;  // a damaged file is replaced
  }
  if (found.annotations == annotations->annotations && found.labels == annotations->labels &&
      found.resolution == annotations->resolution) {
    target.annotations.clear();
  }
}

}  // namespace

bool convert(const ConvertOptions& options) {
  Target target = target_of(options);
  std::unique_ptr<RecordingReader> source = open_recording(options.from);
  if (!options.leads.empty()) {
    const ReaderInfo& info = source->info();
    const std::vector<std::size_t> leads = select_leads(names_of(info.leads), info.name, options.leads);
    source = part_of(std::move(source), 0, info.samples, leads);
  }
  std::optional<AnnotationFile> annotations = annotations_of(options.from, *source, options.annotator);
  if (annotations && annotations->annotations.empty()) {
    annotations.reset();
  }
  std::optional<AnnotationFile> written = annotations;
  // Annotation files beside a table or an array count its rows unless they state another resolution.
  const ReaderInfo& info = source->info();
  const bool is_table = target.kind == Kind::csv || target.kind == Kind::npy;
  if (written && written->resolution == info.rate * (is_table ? common_samples_per_frame(info) : 1)) {
    written->resolution = 0;
  }
  require_free(target, options);
  keep_equal_annotations(target, written);
  require_own_annotations(target, written, options);
  for (const fs::path& file : target.files) {  // a conversion does not write each of them
    remove_abandoned_temporaries(file);
  }
  write(target, *source, written, options.digital);

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
