#include "io/recording/dates.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace sec::io {
namespace {

// A number of `shortest` to `longest` digits.
std::optional<int> number(std::string_view text, std::size_t shortest, std::size_t longest) {
  const bool digits = std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || text.size() < shortest || text.size() > longest) {
    return std::nullopt;
  }
  int value = 0;
  for (const char c : text) {
    value = 10 * value + (c - '0');
  }
  return value;
}

std::optional<int> month_named(std::string_view text) {
  constexpr std::array<std::string_view, 12> months{"jan", "feb", "mar", "apr", "may", "jun",
                                                    "jul", "aug", "sep", "oct", "nov", "dec"};
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; };
  for (std::size_t month = 0; month < months.size(); ++month) {
    if (std::ranges::equal(text, months[month], same)) {
      return static_cast<int>(month) + 1;
    }
  }
  return std::nullopt;
}

}  // namespace

std::string numeric_date(std::string_view text) {
  const std::size_t first = text.find_first_of("-.");
  if (first == std::string_view::npos) {
    return "";
  }
  const char separator = text[first];
  const std::size_t second = text.find(separator, first + 1);
  if (second == std::string_view::npos) {
    return "";
  }
  const std::string_view begin = text.substr(0, first);
  const std::string_view middle = text.substr(first + 1, second - first - 1);
  const std::string_view end = text.substr(second + 1);
  const bool is_iso = separator == '-' && begin.size() == 4;
  const std::optional<int> year = number(is_iso ? begin : end, 4, 4);
  const std::optional<int> day = number(is_iso ? end : begin, 1, 2);
  const bool is_word = separator == '-' && !is_iso;
  const std::optional<int> month = is_word ? month_named(middle) : number(middle, 1, 2);
  if (!year || !month || !day || *month < 1 || *month > 12 || *day < 1 || *day > 31) {
    return "";
  }
  return fmt::format("{:02}/{:02}/{:04}", *day, *month, *year);
}

}  // namespace sec::io
