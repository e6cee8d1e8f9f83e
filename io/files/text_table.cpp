#include "io/files/text_table.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "engine/error.h"
#include "io/files/read_file.h"
#include "io/files/utf8.h"

namespace sec::io {
namespace {

constexpr std::uintmax_t largest_file = 256'000'000;  // bytes; PTB-XL's table has 6 million
constexpr std::size_t most_columns = 10'000;

// A column's name in lower case, without surrounding blanks.
std::string folded(std::string_view name) {
  constexpr std::string_view blanks = " \t\r";
  const std::size_t begin = std::min(name.find_first_not_of(blanks), name.size());
  return lower(name.substr(begin, name.find_last_not_of(blanks) + 1 - begin));
}

// Whether all fields of the line, two or more, are numbers with digits after a comma.
bool are_decimal_commas(std::string_view line, char separator) {
  if (line.find(separator) == std::string_view::npos) {
    return false;
  }
  while (true) {
    const std::string_view field = line.substr(0, line.find(separator));
    const bool is_number = field.find_first_of("0123456789") != std::string_view::npos &&
                           field.find_first_not_of("+-0123456789,eE ") == std::string_view::npos &&
                           std::ranges::count(field, ',') <= 1;
    if (!is_number || field.size() == line.size()) {
      return is_number;
    }
    line.remove_prefix(field.size() + 1);
  }
}

// Throws Error, naming the line, if the text is not UTF-8.
void require_utf8(std::string_view text, const std::string& file) {
  require(!text.starts_with("\xff\xfe") && !text.starts_with("\xfe\xff"), "{}: UTF-16 text, expected UTF-8",
          file);
  if (is_utf8(text) && text.find('\0') == std::string_view::npos) {
    return;
  }
  std::int64_t number = 1;
  for (std::string_view rest = text;; ++number) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    require(is_utf8(line) && line.find('\0') == std::string_view::npos,
            "{}:{}: not UTF-8 text: spreadsheets write UTF-8 as \"CSV UTF-8\"", file, number);
    if (line.size() == rest.size()) {
      return;
    }
    rest.remove_prefix(line.size() + 1);
  }
}

class Parser {
 public:
  Parser(std::string_view text, char separator, const std::string& file)
      : rest_(text), separator_(separator), file_(file) {}

  // Reads the next row, skipping empty lines. Returns false at the end.
  bool next(TextRow& row) {
    while (!rest_.empty() && end_of_line() > 0) {
      skip(end_of_line());
      ++line_;
    }
    if (rest_.empty()) {
      return false;
    }
    row.place = place();
    row.fields.clear();
    do {
      require(row.fields.size() < most_columns, "{}: more than {} fields", row.place, most_columns);
      row.fields.push_back(rest_.starts_with('"') ? quoted() : plain());
    } while (rest_.starts_with(separator_) && (skip(1), true));
    require(rest_.empty() || end_of_line() > 0, "{}: text after a quoted field", place());
    skip(end_of_line());
    ++line_;
    return true;
  }

 private:
  std::string place() const { return fmt::format("{}:{}", file_, line_); }
  void skip(std::size_t count) { rest_.remove_prefix(std::min(count, rest_.size())); }

  std::size_t end_of_line() const { return rest_.starts_with("\r\n") ? 2 : rest_.starts_with('\n') ? 1 : 0; }

  std::string plain() {
    const char ends[] = {separator_, '\n', '\0'};
    std::string_view field = rest_.substr(0, rest_.find_first_of(ends));
    if (field.ends_with('\r') && rest_.substr(field.size()).starts_with('\n')) {
      field.remove_suffix(1);
    }
    require(field.find('"') == std::string_view::npos, "{}: a quote within an unquoted field", place());
    skip(field.size());
    return std::string(field);
  }

  std::string quoted() {
    const std::string began = place();
    std::string field;
    skip(1);
    while (true) {
      const std::size_t end = rest_.find('"');
      require(end != std::string_view::npos, "{}: an unclosed quote", began);
      line_ += std::ranges::count(rest_.substr(0, end), '\n');
      field += rest_.substr(0, end);
      skip(end + 1);
      if (!rest_.starts_with('"')) {
        return field;
      }
      field += '"';
      skip(1);
    }
  }

  std::string_view rest_;
  char separator_;
  const std::string& file_;
  std::int64_t line_ = 1;
};

}  // namespace

std::optional<std::size_t> TextTable::optional_column(std::string_view name) const {
  auto found = std::ranges::find(heading, name);
  if (found == heading.end()) {
    found =
        std::ranges::find_if(heading, [&](const std::string& each) { return folded(each) == folded(name); });
  }
  return found == heading.end() ? std::nullopt
                                : std::optional(static_cast<std::size_t>(found - heading.begin()));
}

std::size_t TextTable::column(std::string_view name) const {
  const std::optional<std::size_t> found = optional_column(name);
  require(found.has_value(), "{}:1: no column {} among {}", file, name,
          for_message(fmt::format("{}", fmt::join(heading, ", "))));
  return *found;
}

TextTable parse_text_table(std::string_view text, char separator, const std::string& file,
                           std::vector<std::string>* problems) {
  if (text.starts_with("\xEF\xBB\xBF")) {
    text.remove_prefix(3);
  }
  require_utf8(text, file);
  TextTable table;
  table.file = file;
  Parser parser(text, separator, file);
  TextRow row;
  require(parser.next(row), "{}: is empty, expected a row of column names", file);
  table.heading = row.fields;
  for (const std::string& name : table.heading) {
    require(name.empty() || std::ranges::count(table.heading, name) == 1, "{}: column {} appears twice",
            row.place, for_message(name));
  }
  while (parser.next(row)) {
    if (row.fields.size() != table.heading.size()) {
      const std::string problem = fmt::format("{}: {} fields, the heading has {}", row.place,
                                              row.fields.size(), table.heading.size());
      require(problems != nullptr, "{}", problem);
      problems->push_back(problem);
      continue;
    }
    table.rows.push_back(row);
  }
  require(!table.rows.empty(), "{}: no row after the heading", file);
  return table;
}

char separator_of(std::string_view line, const std::filesystem::path& file) {
  std::string plain;  // without quoted text
  bool quoted = false;
  for (const char c : line) {
    quoted = quoted != (c == '"');
    if (!quoted && c != '\r') {
      plain += c;
    }
  }
  const auto tabs = std::ranges::count(plain, '\t');
  const auto semicolons = std::ranges::count(plain, ';');
  const auto commas = std::ranges::count(plain, ',');
  const std::string extension = folded(file.extension().string());
  if (tabs > 0 && (extension == ".tsv" || extension == ".txt")) {
    return '\t';
  }
  const char other = tabs >= semicolons ? '\t' : ';';
  const auto others = std::max(tabs, semicolons);
  return others > 0 && (others >= commas || are_decimal_commas(plain, other)) ? other : ',';
}

TextTable read_text_table(const std::filesystem::path& path, std::vector<std::string>* problems) {
  const std::string text = read_file(path, largest_file);
  std::string_view first = text;
  while (first.starts_with('\n') || first.starts_with("\r\n")) {
    first.remove_prefix(1);
  }
  return parse_text_table(text, separator_of(first.substr(0, first.find('\n')), path), path.string(),
                          problems);
}

}  // namespace sec::io
