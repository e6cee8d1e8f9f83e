#include "io/databases/ptbxl.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "engine/error.h"
#include "io/files/text_table.h"
#include "io/files/utf8.h"

namespace sec::io {
namespace {

constexpr double hidden_age = 300;  // the value that stands for all ages above 89
constexpr double above_89 = 90;

class DictionaryParser {
 public:
  DictionaryParser(std::string_view text, const std::string& place) : rest_(text), place_(place) {}

  std::vector<std::pair<std::string, double>> parse() {
    std::vector<std::pair<std::string, double>> entries;
    expect('{');
    while (!next_is('}')) {
      if (!entries.empty()) {
        expect(',');
      }
      const std::string key = text();
      for (const auto& [known, value] : entries) {
        require(known != key, "{}: scp_codes: '{}' appears twice", place_, key);
      }
      expect(':');
      entries.emplace_back(key, number());
    }
    expect('}');
    skip();
    require(rest_.empty(), "{}: scp_codes: text after the closing brace", place_);
    return entries;
  }

 private:
  void skip() { rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size())); }

  bool next_is(char c) {
    skip();
    return rest_.starts_with(c);
  }

  void expect(char c) {
    require(next_is(c), "{}: scp_codes: expected '{}' at '{}'", place_, c, for_message(rest_));
    rest_.remove_prefix(1);
  }

  std::string text() {
    skip();
    const char quote = rest_.empty() ? ' ' : rest_.front();
    require(quote == '\'' || quote == '"', "{}: scp_codes: expected a quoted name at '{}'", place_,
            for_message(rest_));
    const std::size_t end = rest_.find(quote, 1);
    require(end != std::string_view::npos, "{}: scp_codes: an unclosed quote", place_);
    const std::string_view inside = rest_.substr(1, end - 1);
    require(!inside.empty() && inside.find('\\') == std::string_view::npos && !has_control_characters(inside),
            "{}: scp_codes: '{}' is not the name of a statement", place_, for_message(inside));
    rest_.remove_prefix(end + 1);
    return std::string(inside);
  }

  double number() {
    skip();
    double value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    require(error == std::errc() && std::isfinite(value), "{}: scp_codes: expected a number at '{}'", place_,
            for_message(rest_));
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }

  std::string_view rest_;
  const std::string& place_;
};

// Maps each SCP statement to its diagnostic superclass, or to "" if it has none.
std::map<std::string, std::string> read_statements(const std::filesystem::path& path) {
  const TextTable table = read_text_table(path);
  const std::size_t diagnostic = table.column("diagnostic");
  const std::size_t superclass = table.column("diagnostic_class");
  std::map<std::string, std::string> statements;
  for (const TextRow& row : table.rows) {
    const std::string& is = row.fields[diagnostic];
    require(is.empty() || is == "1.0" || is == "1", "{}: diagnostic is '{}', expected 1.0 or nothing",
            row.place, for_message(is));
    const bool fresh =
        statements.try_emplace(row.fields.front(), is.empty() ? "" : row.fields[superclass]).second;
    require(fresh, "{}: statement {} appears twice", row.place, row.fields.front());
  }
  return statements;
}

double age_of(const std::string& text, const std::string& place) {
  return text == "300" || text == fmt::format("{:.1f}", hidden_age) ? above_89 : parse_age(text, place);
}

Sex sex_of(const std::string& text, const std::string& place) {
  return text.empty()                                                    ? Sex::unknown
         : parse_whole(text, 0, 1, "sex (0 male, 1 female)", place) == 1 ? Sex::female
                                                                         : Sex::male;
}

}  // namespace

std::vector<std::pair<std::string, double>> parse_scp_codes(std::string_view text, const std::string& place) {
  return DictionaryParser(text, place).parse();
}

std::vector<LabelledRecording> read_ptbxl(const std::filesystem::path& folder, PtbxlLabels labels,
                                          bool low_rate) {
  const std::map<std::string, std::string> statements = read_statements(folder / "scp_statements.csv");
  const TextTable table = read_text_table(folder / "ptbxl_database.csv");
  const std::size_t patient = table.column("patient_id"), age = table.column("age"),
                    sex = table.column("sex"), codes = table.column("scp_codes"),
                    fold = table.column("strat_fold"),
                    file = table.column(low_rate ? "filename_lr" : "filename_hr");
  std::vector<LabelledRecording> recordings;
  for (const TextRow& row : table.rows) {
    LabelledRecording recording;
    recording.id = row.fields[file];
    recording.path = recording_path(folder, recording.id, row.place);
    recording.patient =
        row.fields[patient].empty()
            ? ""
            : fmt::format("{}", parse_whole(row.fields[patient], 0, 1'000'000'000, "patient_id", row.place));
    recording.fold = parse_whole(row.fields[fold], 1, 10, "strat_fold", row.place);
    recording.age = age_of(row.fields[age], row.place);
    recording.sex = sex_of(row.fields[sex], row.place);
    for (const auto& [code, likelihood] : parse_scp_codes(row.fields[codes], row.place)) {
      const auto known = statements.find(code);
      require(known != statements.end(), "{}: statement '{}' is not in scp_statements.csv", row.place,
              for_message(code));
      const std::string& label = labels == PtbxlLabels::statements ? code : known->second;
      if (!label.empty()) {
        add_label(recording, label, row.place);
      }
    }
    recordings.push_back(std::move(recording));
  }
  require_distinct(recordings, table.file);
  return recordings;
}

}  // namespace sec::io
