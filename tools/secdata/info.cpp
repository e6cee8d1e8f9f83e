// secdata info: prints a recording's leads and what is wrong with them, rate, duration, comments and annotations.
#include <filesystem>

#include "io/databases/open_recording.h"
#include "io/databases/recording_annotations.h"
#include "io/files/standard_streams.h"
#include "io/signal/lead_quality.h"
#include "io/wfdb/header.h"
#include "tools/secdata/commands.h"
#include "tools/secdata/output.h"
#include "tools/secdata/recordings.h"

namespace sec::tools {
namespace {

namespace fs = std::filesystem;
using namespace sec::io;

struct Contents {
  ReaderInfo info;
  std::vector<LeadQuality> qualities;  // by lead; empty if samples cannot be read
  std::vector<int> formats;            // storage format by lead; empty unless a WFDB record without segments
  std::optional<AnnotationFile> annotations;
  Histogram symbols;
  ClassCounts beats{};

  double seconds() const { return static_cast<double>(info.samples) / info.rate; }
};

std::vector<int> formats_of(const fs::path& path) {
  const fs::path header = path.extension() == ".hea" ? path : fs::path(path.string() + ".hea");
  std::vector<int> formats;
  if (fs::exists(header)) {
    for (const WfdbSignal& signal :
         read_wfdb_header(header).signals) {  // a record in segments lists no signals
      formats.push_back(signal.format);
    }
  }
  return formats;
}

Contents contents_of(const fs::path& path, const std::string& annotator) {
  const auto reader = open_recording(path);
  Contents contents{reader->info(), {}, formats_of(path), annotations_of(path, *reader, annotator), {}, {}};
  try {
    contents.qualities = lead_qualities(*reader);
  } catch (const Error& error) {  // the header is shown nevertheless
    io::tell("secdata: warning: {}\n", error.what());
  }
  if (contents.annotations) {
    for (const Annotation& annotation : contents.annotations->annotations) {
      ++contents.symbols[contents.annotations->symbol_of(annotation.code)];
    }
    contents.beats = count_beats(contents.annotations->annotations);
  }
  return contents;
}

Json json_of(const Contents& contents) {
  const ReaderInfo& info = contents.info;
  Json json = {{"record", info.name},
               {"rate_hz", info.rate},
               {"samples", info.samples},
               {"seconds", contents.seconds()}};
  if (!info.start_time.empty()) {
    json["start_time"] = info.start_time;
  }
  if (!info.start_date.empty()) {
    json["start_date"] = info.start_date;
  }
  json["leads"] = Json::array();
  for (std::size_t i = 0; i < info.leads.size(); ++i) {
    const Lead& lead = info.leads[i];
    Json one = {{"name", lead.name},
                {"units", lead.units},
                {"gain", lead.gain},
                {"baseline", lead.baseline},
                {"resolution", lead.resolution},
                {"rate_hz", info.rate * info.samples_per_frame[i]}};
    if (i < contents.formats.size()) {
      one["format"] = contents.formats[i];
    }
    if (i < contents.qualities.size()) {
      const LeadQuality& quality = contents.qualities[i];
      one["shares"] = {{"missing", quality.missing},
                       {"flat", quality.flat},
                       {"saturated", quality.saturated},
                       {"noise", quality.noise}};
    }
    json["leads"].push_back(one);
  }
  if (!info.left_out.empty()) {
    json["left_out"] = info.left_out;
  }
  json["comments"] = info.comments;
  if (contents.annotations) {
    json["annotations"] = {{"count", contents.annotations->annotations.size()},
                           {"symbols", contents.symbols},
                           {"classes", tools::json_of(contents.beats)}};
  }
  return json;
}

std::string text_of(const Contents& contents) {
  const ReaderInfo& info = contents.info;
  std::string text = fmt::format("record       {}\nrate         {} Hz\nsamples      {} ({:.1f} s)\n",
                                 info.name, info.rate, info.samples, contents.seconds());
  if (!info.start_time.empty()) {
    text += fmt::format("start        {}{}{}\n", info.start_date, info.start_date.empty() ? "" : " ",
                        info.start_time);
  }
  for (std::size_t i = 0; i < info.leads.size(); ++i) {
    const Lead& lead = info.leads[i];
    text += fmt::format("lead         {}: {} adu/{}, baseline {}, {} bits", lead.name, lead.gain, lead.units,
                        lead.baseline, lead.resolution);
    text +=
        info.samples_per_frame[i] == 1 ? "" : fmt::format(", {} Hz", info.rate * info.samples_per_frame[i]);
    text += i < contents.formats.size() ? fmt::format(", format {}\n", contents.formats[i]) : "\n";
  }
  for (std::size_t i = 0; i < contents.qualities.size(); ++i) {
    if (const std::string fault = fault_of(contents.qualities[i]); !fault.empty()) {
      text += fmt::format("fault        lead {} {}\n", info.leads[i].name, fault);
    }
  }
  for (const std::string& channel : info.left_out) {
    text += fmt::format("left out     {}\n", channel);
  }
  for (const std::string& comment : info.comments) {
    text += fmt::format("comment      {}\n", comment);
  }
  if (contents.annotations) {
    text += fmt::format("annotations  {}: {}\nbeats        {}\n", contents.annotations->annotations.size(),
                        tools::text_of(contents.symbols), io::text_of(contents.beats));
  }
  return text;
}

}  // namespace

bool info(const InfoOptions& options) {
  const Contents contents = contents_of(options.record, options.annotator);
  if (options.as_json) {
    print_json(json_of(contents));
  } else {
    print(text_of(contents));
  }
  return true;
}

}  // namespace sec::tools
