#include "io/databases/label_table.h"

#include <algorithm>

#include "engine/error.h"
#include "io/files/text_table.h"
#include "io/files/utf8.h"

namespace sec::io {
namespace {

// Labels are separated by | or ;. A comma is refused: it could be meant as a separator.
void add_labels(LabelledRecording& recording, std::string_view text, const std::string& place) {
  if (trimmed(text).empty()) {
    return;
  }
  while (true) {
    const std::size_t end = text.find_first_of("|;");
    const std::string_view label = trimmed(text.substr(0, end));
    require(label.find(',') == std::string_view::npos,
            "{}: label '{}' holds a comma, expected | or ; between labels", place, for_message(label));
    add_label(recording, label, place);
    if (end == std::string_view::npos) {
      return;
    }
    text.remove_prefix(end + 1);
  }
}

}  // namespace

std::vector<LabelledRecording> read_label_table(const std::filesystem::path& table,
                                                const std::filesystem::path& signals,
                                                std::vector<std::string>* problems) {
  const auto attempt = [&](const auto& read) {
    try {
      read();
    } catch (const Error& error) {
      if (problems == nullptr) {
        throw;
      }
      problems->emplace_back(error.what());
    }
  };
  const TextTable rows = read_text_table(table, problems);
  const std::size_t file = rows.column("file");
  const std::size_t labels = rows.column("labels");
  const auto patient = rows.optional_column("patient");
  const auto fold = rows.optional_column("fold");
  const auto age = rows.optional_column("age");
  const auto sex = rows.optional_column("sex");
  std::vector<LabelledRecording> recordings;
  for (const TextRow& row : rows.rows) {
    const auto field = [&](std::optional<std::size_t> column) {
      return column ? trimmed(row.fields[*column]) : std::string_view();
    };
    LabelledRecording recording;
    recording.id = std::string(trimmed(row.fields[file]));
    recording.patient = std::string(field(patient));
    attempt([&] { recording.path = recording_path(signals, recording.id, row.place); });
    attempt([&] {
      require(!has_control_characters(recording.patient), "{}: patient '{}' holds control characters",
              row.place, for_message(recording.patient));
    });
    attempt([&] {
      recording.fold = field(fold).empty() ? 0 : parse_whole(field(fold), 1, 1000, "fold", row.place);
    });
    attempt([&] { recording.age = parse_age(field(age), row.place); });
    attempt([&] { recording.sex = parse_sex(field(sex), row.place); });
    attempt([&] { add_labels(recording, row.fields[labels], row.place); });
    if (problems != nullptr &&
        std::ranges::find(recordings, recording.id, &LabelledRecording::id) != recordings.end()) {
      problems->push_back(
          fmt::format("{}: recording {} is listed twice", row.place, for_message(recording.id)));
      continue;
    }
    recordings.push_back(std::move(recording));
  }
  if (problems == nullptr) {
    require_distinct(recordings, rows.file);
  }
  return recordings;
}

}  // namespace sec::io
