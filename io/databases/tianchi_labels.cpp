#include "io/databases/tianchi_labels.h"

#include <algorithm>

#include "engine/error.h"
#include "io/files/read_file.h"
#include "io/files/utf8.h"

namespace sec::io {
namespace {

constexpr std::uintmax_t largest_file = 64'000'000;  // bytes; the contest's files have 2 million

// Calls visit(line, place) for each line that is not empty.
template <typename Visit>
void for_each_line(const std::filesystem::path& path, Visit visit) {
  std::string_view rest;
  const std::string text = read_file(path, largest_file);
  require(is_utf8(text), "{}: not UTF-8 text", path.string());
  rest = text;
  if (rest.starts_with("\xEF\xBB\xBF")) {
    rest.remove_prefix(3);
  }
  for (int number = 1; !rest.empty(); ++number) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (!trimmed(line).empty()) {
      visit(line, fmt::format("{}:{}", path.string(), number));
    }
  }
}

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  while (true) {
    const std::size_t end = line.find('\t');
    fields.push_back(trimmed(line.substr(0, end)));
    if (end == std::string_view::npos) {
      break;
    }
    line.remove_prefix(end + 1);
  }
  while (!fields.empty() && fields.back().empty()) {
    fields.pop_back();
  }
  return fields;
}

}  // namespace

std::vector<LabelledRecording> read_tianchi_labels(const std::filesystem::path& labels,
                                                   const std::filesystem::path& signals) {
  std::vector<LabelledRecording> recordings;
  for_each_line(labels, [&](std::string_view line, const std::string& place) {
    const std::vector<std::string_view> fields = fields_of(line);
    LabelledRecording recording;
    recording.path = recording_path(signals, fields.front(), place);
    recording.id = recording.path.stem().string();
    recording.age = parse_age(fields.size() > 1 ? fields[1] : "", place);
    recording.sex = parse_sex(fields.size() > 2 ? fields[2] : "", place);
    for (std::size_t i = 3; i < fields.size(); ++i) {
      add_label(recording, fields[i], place);
    }
    recordings.push_back(std::move(recording));
  });
  require_distinct(recordings, labels.string());
  return recordings;
}

std::vector<std::string> read_class_list(const std::filesystem::path& path) {
  LabelledRecording list;  // class names follow the same rules as labels
  for_each_line(path, [&](std::string_view line, const std::string& place) {
    const std::size_t before = list.labels.size();
    add_label(list, trimmed(line), place);
    require(list.labels.size() > before, "{}: class {} appears twice", place, for_message(trimmed(line)));
  });
  require(!list.labels.empty(), "{}: names no class", path.string());
  return list.labels;
}

}  // namespace sec::io
