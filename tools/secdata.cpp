// secdata: looks into recordings, checks databases, and makes synthetic ones.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/parallel.h"
#include "io/annotation_codes.h"
#include "io/mitdb.h"
#include "io/synthetic.h"
#include "io/wfdb_annotation.h"
#include "io/wfdb_signal.h"
#include "tools/secdata/score.h"

namespace {

namespace fs = std::filesystem;
using namespace sec;
using namespace sec::io;
using Json = nlohmann::ordered_json;

void print(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  require(written, "standard output: cannot write: {}", std::strerror(errno));
}

void print_json(const Json& json) {
  print(json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

// "data/mitdb/100" or "data/mitdb/100.hea".
struct RecordPath {
  fs::path folder;
  std::string name;

  explicit RecordPath(const std::string& text) {
    fs::path path(text);
    if (path.extension() == ".hea") {
      path.replace_extension();
    }
    folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
    name = path.filename().string();
  }
  fs::path file(const std::string& extension) const { return folder / (name + "." + extension); }
};

std::string quoted(const std::string& field) {
  if (field.find_first_of(",\"\r\n") == std::string::npos) {
    return field;
  }
  std::string text = "\"";
  for (const char c : field) {
    text += c == '"' ? "\"\"" : std::string(1, c);
  }
  return text + '"';
}

using Histogram = std::map<std::string, std::int64_t>;

Histogram symbols_of(const std::vector<Annotation>& annotations) {
  Histogram histogram;
  for (const Annotation& annotation : annotations) {
    ++histogram[symbol_of(annotation.code)];
  }
  return histogram;
}

Json json_of(const ClassCounts& counts) {
  Json json;
  for (std::size_t c = 0; c < beat_classes; ++c) {
    json[std::string(beat_class_names[c])] = counts[c];
  }
  return json;
}

std::string text_of(const Histogram& histogram) {
  std::string text;
  for (const auto& [symbol, count] : histogram) {
    text += fmt::format("{}{} {}", text.empty() ? "" : "  ", symbol, count);
  }
  return text;
}

void info(const std::string& record, bool as_json) {
  const RecordPath path(record);
  const DigitalRecord digital = read_digital(path.folder, path.name);
  const Recording recording = to_recording(digital);
  const bool annotated = fs::exists(path.file("atr"));
  std::vector<Annotation> annotations;
  if (annotated) {
    annotations = read_annotations(path.file("atr"), recording.rate);
  }
  const double seconds = static_cast<double>(recording.samples()) / recording.rate;
  if (as_json) {
    Json json = {{"record", recording.name}, {"rate_hz", recording.rate}, {"samples", recording.samples()},
                 {"seconds", seconds},       {"leads", Json::array()},    {"comments", recording.comments}};
    for (std::size_t i = 0; i < recording.leads.size(); ++i) {
      const Lead& lead = recording.leads[i];
      json["leads"].push_back({{"name", lead.name},
                               {"units", lead.units},
                               {"gain", lead.gain},
                               {"baseline", lead.baseline},
                               {"resolution", lead.resolution},
                               {"format", digital.header.signals[i].format}});
    }
    if (annotated) {
      json["annotations"] = {{"count", annotations.size()},
                             {"symbols", symbols_of(annotations)},
                             {"classes", json_of(count_beats(annotations))}};
    }
    print_json(json);
    return;
  }
  print(fmt::format("record       {}\nrate         {} Hz\nsamples      {} ({:.1f} s)\n", recording.name,
                    recording.rate, recording.samples(), seconds));
  for (std::size_t i = 0; i < recording.leads.size(); ++i) {
    const Lead& lead = recording.leads[i];
    print(fmt::format("lead         {}: {} adu/{}, baseline {}, {} bits, format {}\n", lead.name, lead.gain,
                      lead.units, lead.baseline, lead.resolution, digital.header.signals[i].format));
  }
  for (const std::string& comment : recording.comments) {
    print(fmt::format("comment      {}\n", comment));
  }
  if (annotated) {
    print(fmt::format("annotations  {}: {}\nbeats        {}\n", annotations.size(),
                      text_of(symbols_of(annotations)), io::text_of(count_beats(annotations))));
  }
}

struct DumpOptions {
  std::string record;
  std::string from = "0";
  std::string to;
  std::string annotator = "atr";
  bool digital = false;
  bool annotations = false;
  bool as_json = false;
};

// "12.5" is a time in seconds, "s4500" a sample number.
std::int64_t sample_at(const std::string& text, double rate, const char* option) {
  const bool is_sample = text.starts_with('s');
  const std::string digits = text.substr(is_sample ? 1 : 0);
  std::size_t used = 0;
  double value = -1;
  try {
    value = std::stod(digits, &used);
  } catch (const std::exception&) {
    used = std::string::npos;
  }
  require(used == digits.size() && value >= 0 && value * rate < 1e18,
          "{} {}: expected seconds (12.5) or a sample number (s4500)", option, text);
  return is_sample ? static_cast<std::int64_t>(value) : std::llround(value * rate);
}

void dump_annotations(const DumpOptions& options) {
  const RecordPath path(options.record);
  const double rate = read_wfdb_header(path.file("hea")).rate;
  const std::int64_t begin = sample_at(options.from, rate, "--from");
  const std::int64_t end = options.to.empty() ? INT64_MAX : sample_at(options.to, rate, "--to");
  if (!options.as_json) {
    print("sample,symbol,sub,chan,num,aux\n");
  }
  std::string text;
  for (const Annotation& a : read_annotations(path.file(options.annotator), rate)) {
    if (a.sample < begin || a.sample >= end) {
      continue;
    }
    if (options.as_json) {
      print_json(Json{{"sample", a.sample},
                      {"symbol", symbol_of(a.code)},
                      {"sub", a.subtype},
                      {"chan", a.channel},
                      {"num", a.number},
                      {"aux", a.aux}});
    } else {
      text += fmt::format("{},{},{},{},{},{}\n", a.sample, quoted(symbol_of(a.code)), a.subtype, a.channel,
                          a.number, quoted(a.aux));
    }
  }
  print(text);
}

void dump_signals(const DumpOptions& options) {
  const RecordPath path(options.record);
  const DigitalRecord digital = read_digital(path.folder, path.name);
  const Recording recording = to_recording(digital);
  const std::int64_t begin = std::min(sample_at(options.from, recording.rate, "--from"), recording.samples());
  const std::int64_t end = options.to.empty()
                               ? recording.samples()
                               : std::min(sample_at(options.to, recording.rate, "--to"), recording.samples());
  fmt::memory_buffer text;
  for (std::size_t lead = 0; lead < recording.leads.size(); ++lead) {
    fmt::format_to(std::back_inserter(text), "{}{}", lead == 0 ? "" : ",",
                   quoted(recording.leads[lead].name));
  }
  text.push_back('\n');
  for (std::int64_t i = begin; i < end; ++i) {
    for (std::size_t lead = 0; lead < recording.leads.size(); ++lead) {
      const char* comma = lead == 0 ? "" : ",";
      if (digital.signals[lead][i] == invalid_sample) {
        fmt::format_to(std::back_inserter(text), "{}nan", comma);
      } else if (options.digital) {
        fmt::format_to(std::back_inserter(text), "{}{}", comma, digital.signals[lead][i]);
      } else {
        fmt::format_to(std::back_inserter(text), "{}{}", comma, recording.signals[lead][i]);
      }
    }
    text.push_back('\n');
    if (text.size() > 1U << 20) {
      print(std::string_view(text.data(), text.size()));
      text.clear();
    }
  }
  print(std::string_view(text.data(), text.size()));
}

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
    const DigitalRecord digital = read_digital(folder, name);
    report.samples = digital.signals.empty() ? 0 : std::ssize(digital.signals.front());
    report.rate = digital.header.rate;
    for (const WfdbSignal& signal : digital.header.signals) {
      report.leads += (report.leads.empty() ? "" : "+") + signal.description;
    }
    const fs::path file = folder / (name + ".atr");
    report.annotated = fs::exists(file);
    if (report.annotated) {
      report.annotations = read_annotations(file, digital.header.rate);
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

void synthesize_database(const std::string& folder, const SyntheticOptions& options, bool as_json,
                         bool quiet) {
  const MitdbCounts counts = write_synthetic_database(folder, options);
  if (as_json) {
    print_json(Json{{"folder", folder}, {"ds1", json_of(counts.ds1)}, {"ds2", json_of(counts.ds2)}});
  } else if (!quiet) {
    print(fmt::format("{}: synthetic recordings\nDS1 {}\nDS2 {}\n", folder, io::text_of(counts.ds1),
                      io::text_of(counts.ds2)));
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Looks into recordings, checks databases, and makes synthetic ones."};
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  secdata info data/mitdb/100\n"
      "  secdata dump data/mitdb/100 --from 10 --to 20 > beat.csv\n"
      "  secdata verify data/mitdb\n"
      "  secdata synth data/synthetic --minutes 5\n"
      "  secdata score data/mitdb out --records 100,103\n"
      "Exit status: 0 done, 1 failed, 2 wrong usage.");
  bool as_json = false;
  int thread_count = 0;
  app.add_option("--threads", thread_count, "Threads to use; 0: one per core")->check(CLI::Range(0, 1024));

  std::string record;
  CLI::App* info_command = app.add_subcommand("info", "What a record holds");
  info_command->add_option("RECORD", record, "Path of the record, with or without .hea")->required();
  info_command->add_flag("--json", as_json, "Print one JSON object");

  DumpOptions dump;
  CLI::App* dump_command = app.add_subcommand(
      "dump", "Samples as CSV, a column a lead and a row a sample, or annotations, one a row");
  dump_command->add_option("RECORD", dump.record, "Path of the record, with or without .hea")->required();
  dump_command->add_option("--from", dump.from, "First sample: seconds (12.5) or sample number (s4500)")
      ->capture_default_str();
  dump_command->add_option("--to", dump.to, "End, not included: seconds or sample number; default: all");
  CLI::Option* digital = dump_command->add_flag("--digital", dump.digital, "Units of the converter, not mV");
  CLI::Option* annotations =
      dump_command->add_flag("--annotations", dump.annotations, "Annotations instead of samples")
          ->excludes(digital);
  dump_command->add_option("--annotator", dump.annotator, "Extension of the annotation file")
      ->capture_default_str()
      ->needs(annotations);
  dump_command->add_flag("--json", dump.as_json, "Annotations as JSON, one object a line")
      ->needs(annotations);

  std::string folder;
  CLI::App* verify_command = app.add_subcommand(
      "verify", "Reads every record that RECORDS names: checksums, lengths, annotations, and beats by class");
  verify_command->add_option("FOLDER", folder, "A WFDB database, as MIT-BIH")->required();
  verify_command->add_flag("--json", as_json, "Print one JSON object");

  SyntheticOptions options;
  bool quiet = false;
  CLI::App* synth_command =
      app.add_subcommand("synth", "Writes a synthetic database with the record names of MIT-BIH");
  synth_command->add_option("OUT", folder, "Folder to write")->required();
  synth_command->add_option("--minutes", options.minutes, "Minutes of signal a record")
      ->check(CLI::Range(0.1, 120.0))
      ->capture_default_str();
  synth_command->add_option("--seed", options.seed, "The same seed gives the same database")
      ->capture_default_str();
  synth_command->add_option("--noise", options.noise, "Factor on wander, mains, muscle and electrode noise")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  synth_command->add_option("--records", options.records, "Only these records, as 100 101; default: all 48")
      ->delimiter(',');
  synth_command->add_flag("--json", as_json, "Print one JSON object");
  synth_command->add_flag("--quiet", quiet, "Print nothing");

  tools::ScoreOptions score;
  CLI::App* score_command = tools::add_score_command(app, score);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help is a result; anything else is wrong usage.
    return app.exit(error) == 0 ? 0 : 2;
  }
  bool good = true;
  try {
    set_threads(thread_count);
    if (info_command->parsed()) {
      info(record, as_json);
    } else if (dump_command->parsed()) {
      dump.annotations ? dump_annotations(dump) : dump_signals(dump);
    } else if (verify_command->parsed()) {
      good = verify(folder, as_json);
    } else if (score_command->parsed()) {
      print(tools::score_text(score));
    } else {
      synthesize_database(folder, options, as_json, quiet);
    }
    const bool flushed = std::fflush(stdout) == 0;
    require(flushed, "standard output: cannot write: {}", std::strerror(errno));
  } catch (const std::exception& error) {
    fmt::print(stderr, "secdata: {}\n", error.what());
    return 1;
  }
  return good ? 0 : 1;
}
