// secdata verify: whether a database is sound.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>

#include "engine/parallel.h"
#include "io/annotation_codes.h"
#include "io/mitdb.h"
#include "io/wfdb_annotation.h"
#include "io/wfdb_reader.h"
#include "tools/secdata/commands.h"
#include "tools/secdata/output.h"

namespace sec::tools {
namespace {

namespace fs = std::filesystem;
using namespace sec::io;

// What verify learns of one record.
struct Report {
  std::string error;  // empty: the record is sound
  std::int64_t samples = 0;
  double rate = 0;
  std::string leads;
  bool annotated = false;
  std::vector<Annotation> annotations;
};

Report look_at(const fs::path& folder, const std::string& name) {
  Report report;
  try {
    const auto reader = open_wfdb(folder / name);
    reader->verify();
    report.samples = reader->info().samples;
    report.rate = reader->info().rate;
    for (const Lead& lead : reader->info().leads) {
      report.leads += (report.leads.empty() ? "" : "+") + lead.name;
    }
    const fs::path file = folder / (name + ".atr");
    report.annotated = fs::exists(file);
    if (report.annotated) {
      report.annotations = read_annotations(file, report.rate);
      const std::int64_t last = report.annotations.empty() ? -1 : report.annotations.back().sample;
      require(last < report.samples, "{}: annotation at sample {}, but the record has {}", file.string(),
              last, report.samples);
    }
  } catch (const Error& error) {
    report.error = error.what();
  }
  return report;
}

// DS1 and DS2 are there in full, as the published counts ask for; a synthetic database states its own.
bool has_protocol(const fs::path& folder, const std::vector<std::string>& names) {
  return is_synthetic(folder) || std::ranges::all_of(mitdb_records(), [&](const MitdbRecord& record) {
           return record.split == Split::paced || std::ranges::find(names, record.name) != names.end();
         });
}

// Returns whether everything is in order.
bool verify(const std::string& folder_name, bool as_json) {
  const fs::path folder(folder_name);
  const std::vector<std::string> names = read_record_names(folder);
  std::vector<Report> reports(names.size());
  parallel_for(std::ssize(names), [&](std::int64_t i) { reports[i] = look_at(folder, names[i]); });

  std::vector<std::string> errors;
  Histogram leads;
  Histogram symbols;
  ClassCounts classes{};
  MitdbCounts counts;
  std::int64_t annotations = 0;
  Json records = Json::array();
  const bool protocol = has_protocol(folder, names);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Report& report = reports[i];
    if (!report.error.empty()) {
      errors.push_back(report.error);
      continue;
    }
    ++leads[report.leads];
    annotations += std::ssize(report.annotations);
    const ClassCounts beats = count_beats(report.annotations);
    for (const auto& [symbol, count] : symbols_of(report.annotations)) {
      symbols[symbol] += count;
    }
    for (std::size_t c = 0; c < beat_classes; ++c) {
      classes[c] += beats[c];
    }
    if (protocol) {
      const Split split = mitdb_record(names[i]).split;
      for (std::size_t c = 0; c < beat_classes && split != Split::paced; ++c) {
        (split == Split::ds1 ? counts.ds1 : counts.ds2)[c] += beats[c];
      }
    }
    records.push_back({{"record", names[i]},
                       {"rate_hz", report.rate},
                       {"samples", report.samples},
                       {"leads", report.leads},
                       {"annotations", report.annotated ? Json(report.annotations.size()) : Json()},
                       {"classes", json_of(beats)}});
    if (!as_json) {
      print(fmt::format("{}  {} samples  {:g} Hz  {}  {} annotations  {}\n", names[i], report.samples,
                        report.rate, report.leads, report.annotations.size(), io::text_of(beats)));
    }
  }
  if (protocol) {
    for (const Split split : {Split::ds1, Split::ds2}) {
      try {
        check_counts(folder, split, split == Split::ds1 ? counts.ds1 : counts.ds2);
      } catch (const Error& error) {
        errors.emplace_back(error.what());
      }
    }
  }
  if (as_json) {
    Json json = {{"folder", folder_name},      {"synthetic", is_synthetic(folder)},
                 {"records", records},         {"leads", leads},
                 {"annotations", annotations}, {"symbols", symbols},
                 {"classes", json_of(classes)}};
    if (protocol) {
      json["ds1"] = json_of(counts.ds1);
      json["ds2"] = json_of(counts.ds2);
    }
    json["errors"] = errors;
    print_json(json);
  } else {
    print(
        fmt::format("records      {} of {} sound{}\nleads        {}\nannotations  {}: {}\nbeats        {}\n",
                    records.size(), names.size(), is_synthetic(folder) ? ", synthetic" : "", text_of(leads),
                    annotations, text_of(symbols), io::text_of(classes)));
    if (protocol) {
      print(fmt::format("DS1          {}\nDS2          {}\n", io::text_of(counts.ds1),
                        io::text_of(counts.ds2)));
    }
  }
  for (const std::string& error : errors) {
    fmt::print(stderr, "secdata: {}\n", error);
  }
  return errors.empty();
}

}  // namespace

Command add_verify(CLI::App& app) {
  struct Options {
    std::string folder;
    bool as_json = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "verify", "Reads every record that RECORDS names: checksums, lengths, annotations, and beats by class");
  command->add_option("FOLDER", options->folder, "A WFDB database, as MIT-BIH")->required();
  command->add_flag("--json", options->as_json, "Print one JSON object");
  return {command, [options] { return verify(options->folder, options->as_json); }};
}

}  // namespace sec::tools
