#include "io/tables/csv_writer.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "engine/error.h"
#include "io/tables/csv_reader.h"
#include "io/tables/side_file.h"

namespace sec::io {
namespace {

constexpr std::int64_t values_at_once = 1 << 16;
constexpr double fast = 1e4;  // rows per second; the times of more rows need more than six decimals

std::string quoted(const std::string& field, char delimiter) {
  if (field.find_first_of(std::string("\"\r\n'") + delimiter) == std::string::npos) {
    return field;
  }
  std::string text = "\"";
  for (const char c : field) {
    text += c == '"' ? "\"\"" : std::string(1, c);
  }
  return text + '"';
}

// The name and units of a lead, so that the reader does not take a part of the name for units, or the lead
// for a column of times or sample numbers. To the reader, "lead t" is the lead t.
std::string header_cell(const std::string& name, const std::string& units) {
  const bool plain = units == "mV" && !name.ends_with(')') && !name.ends_with(']');
  return (names_a_lead(name) ? name : "lead " + name) + (plain ? "" : " (" + units + ")");
}

}  // namespace

void write_csv(FileGroup& files, const std::filesystem::path& path, RecordingReader& source) {
  const ReaderInfo& info = source.info();
  const int each = common_samples_per_frame(info);
  require(each > 0, "{}: its leads have different rates, a table has only one", info.name);
  const double rate = info.rate * each;  // rows per second
  require_rate(rate, info.name);
  const int decimals = rate > fast ? 9 : 6;
  const std::string extension = path.extension().string();
  const char delimiter = extension.size() == 4 && (extension[1] == 't' || extension[1] == 'T') ? '\t' : ',';
  std::string header;
  for (const std::string& comment : info.comments) {
    require(comment.find_first_of("\r\n") == std::string::npos, "{}: a comment has several lines", info.name);
    header += "# " + comment + '\n';
  }
  header += "time_s";
  for (std::size_t i = 0; i < info.leads.size(); ++i) {
    const Lead& lead = info.leads[i];
    require(lead.name.find_first_of("\r\n") == std::string::npos, "{}: a lead's name has several lines",
            info.name);
    header += delimiter;
    header += quoted(header_cell(column_name(info, i), lead.units), delimiter);
  }
  AtomicFile& out = files.head(path);
  out.write(header + '\n');
  std::vector<std::vector<float>> values(info.leads.size());
  std::vector<std::span<float>> spans(values.size());
  const std::int64_t step = std::max<std::int64_t>(1, values_at_once / (each * std::ssize(values) + 1));
  fmt::memory_buffer text;
  for (std::int64_t at = 0; at < info.samples; at += step) {
    const std::int64_t count = std::min(step, info.samples - at);
    for (std::size_t lead = 0; lead < values.size(); ++lead) {
      values[lead].resize(static_cast<std::size_t>(count * each));
      spans[lead] = values[lead];
    }
    source.read(at, count, spans);
    text.clear();
    for (std::int64_t i = 0; i < count * each; ++i) {
      fmt::format_to(std::back_inserter(text), "{:.{}f}", static_cast<double>(at * each + i) / rate,
                     decimals);
      for (const std::vector<float>& lead : values) {
        const float value = lead[static_cast<std::size_t>(i)];
        text.push_back(delimiter);
        std::isnan(value) ? fmt::format_to(std::back_inserter(text), "nan")
                          : fmt::format_to(std::back_inserter(text), "{}", value);
      }
      text.push_back('\n');
    }
    out.write({text.data(), text.size()});
  }
  // A side file of an earlier table of this name must not be applied to this one.
  if (std::filesystem::exists(std::filesystem::path(path).replace_extension(".json"))) {
    write_side_file(files, path, info, false);
  } else {
    files.remove(side_file_of(path));
  }
}

void write_csv(const std::filesystem::path& path, RecordingReader& source) {
  FileGroup files;
  write_csv(files, path, source);
  files.commit();
}

}  // namespace sec::io
