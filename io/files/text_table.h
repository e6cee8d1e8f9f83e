// Text tables: rows of fields separated by commas, semicolons or tabs (RFC 4180). The first row names the columns.
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

  // The index of a column. Case and surrounding blanks do not matter; if two names differ only in those, the one that is
  // spelled as asked is meant. Throws Error, listing the existing columns, if it is missing.
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

// What separates the fields of a table whose first line this is: tabs or semicolons if the line has as many of them as
// commas or more, or if all its fields are numbers with decimal commas; otherwise commas. In a file whose name ends in .tsv
// or .txt, tabs if the line has any. Characters inside double quotes do not count.
char separator_of(std::string_view line, const std::filesystem::path& file = {});

// Reads a table file of at most 256 MB. Its first line tells the separator.
TextTable read_text_table(const std::filesystem::path& path, std::vector<std::string>* problems = nullptr);

}  // namespace sec::io
