// Tables as text: rows of fields separated by commas or tabs (RFC 4180), the first row naming the columns.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sec::io {

struct TextRow {
  std::string place;  // "file:line", where the row begins
  std::vector<std::string> fields;
};

struct TextTable {
  std::string file;
  std::vector<std::string> heading;
  std::vector<TextRow> rows;  // each with as many fields as the heading

  // The index of a column. Throws Error, listing the columns there are, if it is missing.
  std::size_t column(std::string_view name) const;
  std::optional<std::size_t> optional_column(std::string_view name) const;
};

// Fields may be in "quotes", then a "" in them is a quote, and separators and line ends are text. Lines end
// in LF or CR LF; empty ones are skipped, as is a UTF-8 byte order mark. Throws Error, naming file and line,
// on text that is not UTF-8, a row with another number of fields, a quote within an unquoted field or text
// after a quoted one, a quote that is not closed, a column named twice, and a file without rows.
TextTable parse_text_table(std::string_view text, char separator, const std::string& file);

// A file of at most 256 MB; its fields are separated by tabs if its name ends in .tsv or .txt, else by
// commas.
TextTable read_text_table(const std::filesystem::path& path);

}  // namespace sec::io
