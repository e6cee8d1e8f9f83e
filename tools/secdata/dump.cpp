// secdata dump: samples or annotations as text.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>

#include "io/annotation_codes.h"
#include "io/wfdb_annotation.h"
#include "io/wfdb_signal.h"
#include "tools/secdata/commands.h"
#include "tools/secdata/output.h"

namespace sec::tools {
namespace {

namespace fs = std::filesystem;
using namespace sec::io;

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

}  // namespace

Command add_dump(CLI::App& app) {
  const auto dump = std::make_shared<DumpOptions>();
  CLI::App* command = app.add_subcommand(
      "dump", "Samples as CSV, a column a lead and a row a sample, or annotations, one a row");
  command->add_option("RECORD", dump->record, "Path of the record, with or without .hea")->required();
  command->add_option("--from", dump->from, "First sample: seconds (12.5) or sample number (s4500)")
      ->capture_default_str();
  command->add_option("--to", dump->to, "End, not included: seconds or sample number; default: all");
  CLI::Option* digital = command->add_flag("--digital", dump->digital, "Units of the converter, not mV");
  CLI::Option* annotations =
      command->add_flag("--annotations", dump->annotations, "Annotations instead of samples")
          ->excludes(digital);
  command->add_option("--annotator", dump->annotator, "Extension of the annotation file")
      ->capture_default_str()
      ->needs(annotations);
  command->add_flag("--json", dump->as_json, "Annotations as JSON, one object a line")->needs(annotations);
  return {command, [dump] {
            dump->annotations ? dump_annotations(*dump) : dump_signals(*dump);
            return true;
          }};
}

}  // namespace sec::tools
