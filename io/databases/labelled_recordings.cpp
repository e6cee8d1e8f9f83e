#include "io/databases/labelled_recordings.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "engine/error.h"
#include "io/files/utf8.h"

namespace sec::io {
namespace {

constexpr std::size_t longest_label = 200;  // bytes
constexpr double oldest = 150;              // years

bool says_nothing(const std::string& low) {
  return low.empty() || low == "nan" || low == "unknown";
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view space = " \t\r";
  const std::size_t begin = text.find_first_not_of(space);
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

std::filesystem::path recording_path(const std::filesystem::path& folder, std::string_view name,
                                     const std::string& place) {
  require(!name.empty() && !has_control_characters(name) && is_utf8(name),
          "{}: recording '{}', expected the name of a file", place, for_message(name));
  const std::filesystem::path inside = name;
  require(inside.is_relative() && std::ranges::find(inside, "..") == inside.end(),
          "{}: recording '{}' leads out of the folder", place, for_message(name));
  std::filesystem::path path = folder / inside;
  const std::filesystem::path header = path.string() + ".hea";
  std::error_code ignored;
  require(
      std::filesystem::is_regular_file(path, ignored) || std::filesystem::is_regular_file(header, ignored),
      "{}: names recording '{}', but there is no {}", place, for_message(name), path.string());
  return path;
}

void add_label(LabelledRecording& recording, std::string_view label, const std::string& place) {
  require(!label.empty() && label.size() <= longest_label && is_utf8(label) && !has_control_characters(label),
          "{}: label '{}', expected 1 to {} bytes of UTF-8 without control characters", place,
          for_message(label), longest_label);
  if (std::ranges::find(recording.labels, label) == recording.labels.end()) {
    recording.labels.emplace_back(label);
  }
}

double parse_age(std::string_view text, const std::string& place) {
  text = trimmed(text);
  if (says_nothing(lower(text))) {
    return std::nan("");
  }
  std::string number(text);  // "56,5" is written where commas are decimal points
  std::ranges::replace(number, ',', '.');
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  require(error == std::errc() && end == number.data() + number.size() && value >= 0 && value <= oldest,
          "{}: age '{}', expected years from 0 to {}, or nothing", place, for_message(text), oldest);
  return value;
}

Sex parse_sex(std::string_view text, const std::string& place) {
  const std::string low = lower(trimmed(text));
  if (says_nothing(low)) {
    return Sex::unknown;
  }
  const bool female = low == "f" || low == "female";
  require(female || low == "m" || low == "male", "{}: sex '{}', expected female, male or nothing", place,
          for_message(text));
  return female ? Sex::female : Sex::male;
}

int parse_whole(std::string_view text, int low, int high, const char* what, const std::string& place) {
  std::string_view digits = trimmed(text);
  if (digits.ends_with(".0") || digits.ends_with(",0")) {
    digits.remove_suffix(2);
  }
  int value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  require(error == std::errc() && end == digits.data() + digits.size() && value >= low && value <= high,
          "{}: {} '{}', expected a whole number from {} to {}", place, what, for_message(text), low, high);
  return value;
}

void require_distinct(const std::vector<LabelledRecording>& recordings, const std::string& file) {
  require(!recordings.empty(), "{}: names no recording", file);
  std::set<std::string_view> seen;
  for (const LabelledRecording& recording : recordings) {
    require(seen.insert(recording.id).second, "{}: recording {} is listed twice", file, recording.id);
  }
}

}  // namespace sec::io
