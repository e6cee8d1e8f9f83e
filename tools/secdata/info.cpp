// secdata info: what a record holds.
#include <CLI/CLI.hpp>
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

}  // namespace

Command add_info(CLI::App& app) {
  struct Options {
    std::string record;
    bool as_json = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("info", "What a record holds");
  command->add_option("RECORD", options->record, "Path of the record, with or without .hea")->required();
  command->add_flag("--json", options->as_json, "Print one JSON object");
  return {command, [options] {
            info(options->record, options->as_json);
            return true;
          }};
}

}  // namespace sec::tools
