// secdata verify: checks recordings for damage.
#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>

#include "engine/failure.h"
#include "engine/parallel.h"
#include "io/databases/mitdb.h"
#include "io/databases/open_recording.h"
#include "io/databases/recording_annotations.h"
#include "io/files/standard_streams.h"
#include "io/signal/lead_quality.h"
#include "tools/secdata/commands.h"
#include "tools/secdata/output.h"
#include "tools/secdata/recordings.h"

namespace sec::tools {
namespace {

namespace fs = std::filesystem;
using namespace sec::io;

// The findings about one recording.
struct Report {
  std::vector<std::string> problems;
  std::vector<std::string> warnings;
  bool opened = false;
  std::int64_t samples = 0;
  double rate = 0;    // Hz
  std::string leads;  // "MLII+V1"
  std::optional<std::int64_t> annotations;
  Histogram symbols;
  ClassCounts beats{};

  double hours() const { return rate > 0 ? static_cast<double>(samples) / rate / 3600 : 0; }
};

void look_at_annotations(const fs::path& path, RecordingReader& reader, Report& report) {
  const std::optional<AnnotationFile> file = annotations_of(path, reader);
  if (!file) {
    return;
  }
  report.annotations = std::ssize(file->annotations);
  const double samples = static_cast<double>(report.samples) * file->resolution / report.rate;
  std::int64_t outside = 0;
  for (const Annotation& annotation : file->annotations) {
    ++report.symbols[file->symbol_of(annotation.code)];
    outside += static_cast<double>(annotation.sample) >= samples ? 1 : 0;
  }
  if (outside > 0) {
    report.warnings.push_back(
        fmt::format("{}: {} annotation(s) after the last of {} samples, which programs here leave out",
                    path.string(), outside, samples));
  }
  report.beats = count_beats(file->annotations);
}

void look_at_leads(const fs::path& path, RecordingReader& reader, Report& report) {
  const std::vector<LeadQuality> qualities = lead_qualities(reader);
  for (std::size_t i = 0; i < qualities.size(); ++i) {
    if (const std::string fault = fault_of(qualities[i]); !fault.empty()) {
      report.warnings.push_back(
          fmt::format("{}: lead {} {}", path.string(), reader.info().leads[i].name, fault));
    }
  }
}

Report look_at(const fs::path& path) {
  Report report;
  std::unique_ptr<RecordingReader> reader;
  const auto attempt = [&](const std::function<void()>& look) {
    try {
      look();
    } catch (const std::exception& error) {
      const bool is_named = dynamic_cast<const Error*>(&error) != nullptr;
      report.problems.push_back((is_named ? "" : path.string() + ": ") + describe(error));
    }
  };
  attempt([&] { reader = open_recording(path); });
  if (reader == nullptr) {
    return report;
  }
  const ReaderInfo& info = reader->info();
  report.opened = true;
  report.samples = info.samples;
  report.rate = info.rate;
  for (const Lead& lead : info.leads) {
    report.leads += (report.leads.empty() ? "" : "+") + lead.name;
  }
  attempt([&] { report.warnings = reader->verify(); });
  if (report.problems.empty()) {
    attempt([&] { look_at_leads(path, *reader, report); });
  }
  attempt([&] { look_at_annotations(path, *reader, report); });
  return report;
}

// Sums over all recordings.
struct Total {
  std::int64_t sound = 0;
  double hours = 0;
  Histogram leads;
  std::map<double, std::int64_t> rates;
  std::int64_t annotations = 0;
  Histogram symbols;
  ClassCounts classes{};
  std::vector<std::string> problems;
  std::vector<std::string> warnings;

  void add(const Report& report) {
    problems.insert(problems.end(), report.problems.begin(), report.problems.end());
    warnings.insert(warnings.end(), report.warnings.begin(), report.warnings.end());
    sound += report.problems.empty() ? 1 : 0;
    if (!report.opened) {
      return;
    }
    hours += report.hours();
    ++leads[report.leads];
    ++rates[report.rate];
    annotations += report.annotations.value_or(0);
    for (const auto& [symbol, count] : report.symbols) {
      symbols[symbol] += count;
    }
    for (std::size_t c = 0; c < beat_classes; ++c) {
      classes[c] += report.beats[c];
    }
  }
};

// The beats of a folder, and a check of their counts. Expected are the published counts if the folder holds
// the records of MIT-BIH, and the counts in the marker file if the folder is synthetic.
struct FolderBeats {
  ClassCounts all{};
  MitdbCounts mitdb;
  std::vector<std::string> names;

  void add(const std::string& name, const ClassCounts& beats) {
    names.push_back(name);
    const auto records = mitdb_records();
    const auto known = std::ranges::find(records, name, &MitdbRecord::name);
    for (std::size_t c = 0; c < beat_classes; ++c) {
      all[c] += beats[c];
      if (known != records.end() && known->split != Split::paced) {
        (known->split == Split::ds1 ? mitdb.ds1 : mitdb.ds2)[c] += beats[c];
      }
    }
  }
  bool has_protocol(const fs::path& folder) const {
    return (is_synthetic(folder) && !synthetic_total(folder)) ||
           std::ranges::all_of(mitdb_records(), [&](const MitdbRecord& record) {
             return record.split == Split::paced || std::ranges::find(names, record.name) != names.end();
           });
  }
  void check(const fs::path& folder) const {
    if (const auto stated = is_synthetic(folder) ? synthetic_total(folder) : std::nullopt) {
      require(all == *stated, "{}: has beats {}, expected {}", folder.string(), io::text_of(all),
              io::text_of(*stated));
    } else if (has_protocol(folder)) {
      check_counts(folder, Split::ds1, mitdb.ds1);
      check_counts(folder, Split::ds2, mitdb.ds2);
    }
  }
};

struct Verification {
  fs::path path;
  std::vector<FoundRecording> recordings;
  std::vector<Report> reports;
  std::map<fs::path, FolderBeats> folders;
  Total total;
};

Verification examine(const fs::path& path) {
  FoundRecordings found = find_recordings(path);
  Verification result{path, std::move(found.recordings), {}, {}, {}};
  result.total.problems = std::move(found.problems);
  result.reports.resize(result.recordings.size());
  parallel_for(std::ssize(result.recordings),
               [&](std::int64_t i) { result.reports[i] = look_at(result.recordings[i].path); });
  for (std::size_t i = 0; i < result.recordings.size(); ++i) {
    const fs::path& file = result.recordings[i].path;
    result.total.add(result.reports[i]);
    if (fs::is_directory(path)) {
      result.folders[file.parent_path()].add(file.filename().string(), result.reports[i].beats);
    }
  }
  for (const auto& [folder, beats] : result.folders) {
    try {
      beats.check(folder);
    } catch (const Error& error) {
      result.total.problems.push_back(describe(error));
    }
  }
  return result;
}

// The beats of DS1 and DS2 if the named folder holds all their records; otherwise null.
const MitdbCounts* protocol_of(const Verification& result) {
  const auto found =
      result.folders.find(result.recordings.empty() ? fs::path() : result.recordings[0].path.parent_path());
  const bool alone = result.folders.size() == 1 && found != result.folders.end();
  return alone && found->second.has_protocol(found->first) ? &found->second.mitdb : nullptr;
}

void print_as_json(const Verification& result) {
  const Total& total = result.total;
  Json records = Json::array();
  for (std::size_t i = 0; i < result.reports.size(); ++i) {
    const Report& report = result.reports[i];
    records.push_back({{"record", result.recordings[i].name},
                       {"rate_hz", report.rate},
                       {"samples", report.samples},
                       {"leads", report.leads},
                       {"annotations", report.annotations ? Json(*report.annotations) : Json()},
                       {"classes", json_of(report.beats)},
                       {"problems", report.problems}});
  }
  Json rates = Json::object();
  for (const auto& [rate, count] : total.rates) {
    rates[fmt::format("{:g}", rate)] = count;
  }
  Json json = {{"folder", result.path.string()},
               {"synthetic", is_synthetic(result.path)},
               {"records", records},
               {"sound", total.sound},
               {"hours", total.hours},
               {"rates_hz", rates},
               {"leads", total.leads},
               {"annotations", total.annotations},
               {"symbols", total.symbols},
               {"classes", json_of(total.classes)}};
  if (const MitdbCounts* counts = protocol_of(result)) {
    json["ds1"] = json_of(counts->ds1);
    json["ds2"] = json_of(counts->ds2);
  }
  json["errors"] = total.problems;
  print_json(json);
}

void print_as_text(const Verification& result) {
  const Total& total = result.total;
  for (std::size_t i = 0; i < result.reports.size(); ++i) {
    const Report& report = result.reports[i];
    if (report.opened) {
      print(fmt::format("{}  {} samples  {:g} Hz  {}  {}{}\n", result.recordings[i].name, report.samples,
                        report.rate, report.leads,
                        report.annotations ? fmt::format("{} annotations  {}", *report.annotations,
                                                         io::text_of(report.beats))
                                           : std::string("not annotated"),
                        report.problems.empty() ? "" : "  DAMAGED"));
    } else {
      print(fmt::format("{}  cannot be read\n", result.recordings[i].name));
    }
  }
  std::string rates;
  for (const auto& [rate, count] : total.rates) {
    rates += fmt::format("{}{:g} Hz {}", rates.empty() ? "" : "  ", rate, count);
  }
  print(
      fmt::format("records      {} of {} sound{}, {:.2f} h\nrates        {}\nleads        {}\n"
                  "annotations  {}{}\nbeats        {}\n",
                  total.sound, result.reports.size(), is_synthetic(result.path) ? ", synthetic" : "",
                  total.hours, rates, text_of(total.leads), total.annotations,
                  total.symbols.empty() ? "" : ": " + text_of(total.symbols), io::text_of(total.classes)));
  if (const MitdbCounts* counts = protocol_of(result)) {
    print(fmt::format("DS1          {}\nDS2          {}\n", io::text_of(counts->ds1),
                      io::text_of(counts->ds2)));
  }
}

}  // namespace

bool verify(const VerifyOptions& options) {
  if (!options.labels.empty()) {
    return verify_labels(options);
  }
  const Verification result = examine(options.path);
  options.as_json ? print_as_json(result) : print_as_text(result);
  for (const std::string& warning : result.total.warnings) {
    io::tell("secdata: warning: {}\n", warning);
  }
  for (const std::string& problem : result.total.problems) {
    io::tell("secdata: {}\n", problem);
  }
  return result.total.problems.empty();
}

}  // namespace sec::tools
