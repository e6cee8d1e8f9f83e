#include "io/tables/csv_cells.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace sec::io {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r";
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) {
    return "";
  }
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

std::string_view unquoted(std::string_view cell) {
  cell = trimmed(cell);
  const bool quoted =
      cell.size() >= 2 && cell.front() == cell.back() && (cell.front() == '"' || cell.front() == '\'');
  return quoted ? cell.substr(1, cell.size() - 2) : cell;
}

bool is_missing(std::string_view cell) {
  if (cell.empty() || cell == "-") {
    return true;
  }
  std::string lower;
  for (const char c : cell.substr(0, 4)) {
    lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  return lower == "nan" || lower == "na";
}

}  // namespace

void split_csv(std::string_view line, char delimiter, std::vector<std::string_view>& cells) {
  cells.clear();
  std::size_t begin = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') {
      quoted = !quoted;
    } else if (line[i] == delimiter && !quoted) {
      cells.push_back(unquoted(line.substr(begin, i - begin)));
      begin = i + 1;
    }
  }
  cells.push_back(unquoted(line.substr(begin)));
}

std::vector<std::string> csv_cells(std::string_view line, char delimiter) {
  std::vector<std::string_view> cells;
  split_csv(line, delimiter, cells);
  std::vector<std::string> texts;
  for (const std::string_view cell : cells) {
    std::string& text = texts.emplace_back();
    for (std::size_t i = 0; i < cell.size(); ++i) {
      text += cell[i];
      i += cell.substr(i).starts_with("\"\"") ? 1 : 0;
    }
  }
  return texts;
}

std::optional<double> csv_number(std::string_view cell, Decimals decimals) {
  if (is_missing(cell)) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  cell.remove_prefix(cell.starts_with('+') && !cell.starts_with("+-") ? 1 : 0);
  std::string with_point;
  const std::size_t comma = decimals == Decimals::commas ? cell.find(',') : std::string_view::npos;
  if (comma != std::string_view::npos && cell.find('.') == std::string_view::npos) {
    with_point = cell;
    with_point[comma] = '.';
    cell = with_point;
  }
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error != std::errc() || end != cell.data() + cell.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

std::optional<double> csv_time(std::string_view cell, int& digits, Decimals decimals) {
  if (cell.size() > 2 && cell.front() == '[' && cell.back() == ']') {
    cell = cell.substr(1, cell.size() - 2);
  }
  double seconds = 0;
  for (int part = 0; part < 3; ++part) {
    const std::size_t colon = cell.find(':');
    const std::optional<double> value =
        cell.empty() ? std::nullopt : csv_number(cell.substr(0, colon), decimals);
    if (!value || std::isnan(*value)) {
      return std::nullopt;
    }
    seconds = seconds * 60 + *value;
    if (colon == std::string_view::npos) {
      const std::size_t point = cell.find_first_of(decimals == Decimals::commas ? ".," : ".");
      const std::string_view fraction = point == std::string_view::npos ? "" : cell.substr(point + 1);
      digits = static_cast<int>(std::min(fraction.find_first_not_of("0123456789"), fraction.size()));
      return std::abs(seconds) <= 1e12 ? std::optional(seconds) : std::nullopt;
    }
    cell.remove_prefix(colon + 1);
  }
  return std::nullopt;
}

}  // namespace sec::io
