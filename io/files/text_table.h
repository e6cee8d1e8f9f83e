// Text tables: rows of fields separated by commas or tabs (RFC 4180). The first row names the columns.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sec::io {

struct TextRow {
  std::string place;  // "file:line" of the row's first line
  std::vector<std::string> fields;
};

struct TextTable {
  std::string file;
  std::vector<std::string> heading;
  std::vector<TextRow> rows;  // each has the same number of fields as the heading

  // The index of a column. Throws Error, listing the existing columns, if it is missing.
  std::size_t column(std::string_view name) const;
  std::optional<std::size_t> optional_column(std::string_view name) const;
};

// Fields may be quoted with ". Inside quotes, "" stands for a quote, and separators and line ends are text.
// Lines end in LF or CR LF; empty lines and a UTF-8 byte order mark are skipped.
// Throws Error, naming file and line, on text that is not UTF-8, a file without rows, a repeated column name,
// a row with the wrong number of fields, a quote within an unquoted field, text after a closing quote,
// and an unclosed quote. With `problems`, rows with the wrong number of fields are left out and noted there instead.
TextTable parse_text_table(std::string_view text, char separator, const std::string& file,
                           std::vector<std::string>* problems = nullptr);

// Reads a table file of at most 256 MB. Fields are separated by tabs if the file's name ends in .tsv or .txt,
// and by commas otherwise.
TextTable read_text_table(const std::filesystem::path& path, std::vector<std::string>* problems = nullptr);

}  // namespace sec::io
