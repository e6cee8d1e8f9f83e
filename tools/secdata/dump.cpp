// secdata dump: samples of a window as text or as a NumPy array, or annotations as text.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <numeric>
#include <set>

#include "io/databases/open_recording.h"
#include "io/databases/recording_annotations.h"
#include "io/recording/lead_names.h"
#include "io/recording/part_reader.h"
#include "io/tables/npy_writer.h"
#include "io/tables/side_file.h"
#include "tools/secdata/commands.h"
#include "tools/secdata/output.h"
#include "tools/secdata/recordings.h"

namespace sec::tools {
namespace {

namespace fs = std::filesystem;
using namespace sec::io;

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
  const auto reader = open_recording(options.record);
  const std::optional<AnnotationFile> found = annotations_of(options.record, *reader, options.annotator);
  require(found.has_value(), "{}: has no annotations '{}'", options.record, options.annotator);
  const AnnotationFile& file = *found;
  const double rate = file.resolution;
  const std::int64_t begin = sample_at(options.from, rate, "--from");
  const std::int64_t end = options.to.empty() ? INT64_MAX : sample_at(options.to, rate, "--to");
  const bool durations =
      std::ranges::any_of(file.annotations, [](const Annotation& a) { return a.duration.has_value(); });
  if (!options.as_json) {
    print(fmt::format("sample,symbol,sub,chan,num,aux{}\n", durations ? ",duration_s" : ""));
  }
  std::string text;
  for (const Annotation& a : file.annotations) {
    if (a.sample < begin || a.sample >= end) {
      continue;
    }
    if (options.as_json) {
      Json json{{"sample", a.sample}, {"symbol", file.symbol_of(a.code)},
                {"sub", a.subtype},   {"chan", a.channel},
                {"num", a.number},    {"aux", a.aux}};
      if (a.duration) {
        json["duration_s"] = *a.duration;
      }
      print_json(json);
    } else {
      text += fmt::format("{},{},{},{},{},{}{}{}\n", a.sample, quoted(file.symbol_of(a.code)), a.subtype,
                          a.channel, a.number, quoted(a.aux), durations ? "," : "",
                          a.duration ? fmt::format("{}", *a.duration) : "");
    }
  }
  print(text);
}

// One lead's samples of the window; only the requested kind is filled.
struct Column {
  std::vector<float> physical;
  std::vector<std::int32_t> digital;
};

// A frame is printed as `rows` rows; a lead has `each` samples per frame.
// Returns the index of the lead's sample in row `row`, or -1 if a slower lead has no sample there.
std::int64_t sample_in_row(std::int64_t frame, int row, int each, int rows) {
  const std::int64_t k = (static_cast<std::int64_t>(row) * each + rows - 1) / rows;
  return k < each && k * rows / each == row ? frame * each + k : -1;
}

void print_cell(fmt::memory_buffer& text, const Column& column, std::int64_t i, bool digital) {
  auto out = std::back_inserter(text);
  if (digital && column.digital[i] != invalid_sample) {
    fmt::format_to(out, "{}", column.digital[i]);
  } else if (!digital && !std::isnan(column.physical[i])) {
    fmt::format_to(out, "{}", column.physical[i]);
  } else {
    fmt::format_to(out, "nan");
  }
}

// Opens the recording, restricted to the requested window and leads.
std::unique_ptr<RecordingReader> part_asked_for(const DumpOptions& options) {
  auto reader = open_recording(options.record);
  const ReaderInfo& info = reader->info();
  const std::int64_t begin = std::min(sample_at(options.from, info.rate, "--from"), info.samples);
  const std::int64_t end =
      options.to.empty() ? info.samples : std::min(sample_at(options.to, info.rate, "--to"), info.samples);
  std::vector<std::size_t> leads = select_leads(names_of(info.leads), info.name, options.leads);
  if (leads.empty()) {
    leads.resize(info.leads.size());
    std::iota(leads.begin(), leads.end(), 0);
  }
  return part_of(std::move(reader), begin, std::max(begin, end), leads);
}

// Prints one row per sample of the fastest lead. Slower leads leave cells empty.
void print_signals(const DumpOptions& options, RecordingReader& reader) {
  const ReaderInfo& info = reader.info();
  fmt::memory_buffer text;
  std::int64_t frame = 1;
  int rows = 1;
  for (std::size_t lead = 0; lead < info.leads.size(); ++lead) {
    fmt::format_to(std::back_inserter(text), "{}{}", lead == 0 ? "" : ",", quoted(info.leads[lead].name));
    rows = std::max(rows, info.samples_per_frame[lead]);
    frame += info.samples_per_frame[lead];
  }
  text.push_back('\n');
  std::vector<Column> columns(info.leads.size());
  const std::int64_t step = std::max<std::int64_t>(1, (1 << 18) / frame);
  for (std::int64_t at = 0; at < info.samples; at += step) {
    const std::int64_t count = std::min(step, info.samples - at);
    std::vector<std::span<float>> physical;
    std::vector<std::span<std::int32_t>> digital;
    for (std::size_t lead = 0; lead < columns.size(); ++lead) {
      const std::int64_t samples = count * info.samples_per_frame[lead];
      columns[lead].physical.resize(options.digital ? 0 : samples);
      columns[lead].digital.resize(options.digital ? samples : 0);
      physical.emplace_back(columns[lead].physical);
      digital.emplace_back(columns[lead].digital);
    }
    options.digital ? reader.read_digital(at, count, digital) : reader.read(at, count, physical);
    for (std::int64_t row = 0; row < count * rows; ++row) {
      for (std::size_t lead = 0; lead < columns.size(); ++lead) {
        if (lead > 0) {
          text.push_back(',');
        }
        const std::int64_t i =
            sample_in_row(row / rows, static_cast<int>(row % rows), info.samples_per_frame[lead], rows);
        if (i >= 0) {
          print_cell(text, columns[lead], i, options.digital);
        }
      }
      text.push_back('\n');
    }
    print(std::string_view(text.data(), text.size()));
    text.clear();
  }
  print(std::string_view(text.data(), text.size()));
}

}  // namespace

bool dump(const DumpOptions& options) {
  if (!options.out.empty() && lower_extension(options.out) != ".npy") {
    throw UsageError(fmt::format("--out {}: expected a name that ends in .npy", options.out));
  }
  if (std::set<std::string>(options.leads.begin(), options.leads.end()).size() != options.leads.size()) {
    throw UsageError(fmt::format("--leads {}: one is named twice", fmt::join(options.leads, ",")));
  }
  if (options.annotations) {
    dump_annotations(options);
    return true;
  }
  const auto part = part_asked_for(options);
  if (options.out.empty()) {
    print_signals(options, *part);
  } else {
    require_not_read(options.out, options.record);
    require_not_read(side_file_of(options.out), options.record);
    write_npy(options.out, *part, options.digital);
  }
  return true;
}

}  // namespace sec::tools
