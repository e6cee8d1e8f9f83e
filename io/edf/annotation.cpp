#include "io/edf/annotation.h"

#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "engine/error.h"
#include "io/files/utf8.h"
#include "io/recording/annotation_codes.h"

namespace sec::io {
namespace {

constexpr char separator = 0x14;
constexpr char before_duration = 0x15;
constexpr double latest = 1e9;  // s, about 31 years
constexpr int comment = 22;

std::optional<double> seconds_of(std::string_view text) {
  if (text.size() < 2 || (text[0] != '+' && text[0] != '-') || text[1] == '-') {
    return std::nullopt;
  }
  const std::string_view digits = text.substr(text[0] == '+' ? 1 : 0);
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  // Negated so that NaN is rejected too.
  if (error != std::errc() || end != digits.data() + digits.size() || !(std::abs(value) <= latest)) {
    return std::nullopt;
  }
  return value;
}

// Parses "SUB CHN NUM".
std::optional<std::array<int, 3>> three_fields(std::string_view text) {
  std::array<int, 3> fields{};
  for (std::size_t i = 0; i < 3; ++i) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), fields[i]);
    if (error != std::errc()) {
      return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (i < 2) {
      if (!text.starts_with(' ')) {
        return std::nullopt;
      }
      text.remove_prefix(1);
    }
  }
  return text.empty() ? std::optional(fields) : std::nullopt;
}

}  // namespace

void parse_edf_events(std::string_view bytes, const std::string& file, std::int64_t record,
                      EdfRecordEvents& found) {
  bool first = true;
  while (!bytes.empty() && bytes.front() != '\0') {
    const std::size_t end = bytes.find('\0');
    require(end != std::string_view::npos, "{}: record {}: an annotation without an end", file, record);
    std::string_view list = bytes.substr(0, end);
    bytes.remove_prefix(end + 1);
    require(list.back() == separator, "{}: record {}: an annotation that does not end with byte 20", file,
            record);
    const std::size_t times = list.find(separator);
    const std::string_view both = list.substr(0, times);
    const std::size_t duration_at = both.find(before_duration);
    const std::string_view onset_text = both.substr(0, duration_at);
    const std::optional<double> onset = seconds_of(onset_text);
    require(onset.has_value(),
            "{}: record {}: an annotation's time begins with byte {:#04x}, expected +SECONDS", file, record,
            static_cast<unsigned char>(list.front()));
    std::optional<double> duration;
    if (duration_at != std::string_view::npos && duration_at + 1 < both.size()) {
      duration = seconds_of(fmt::format("+{}", both.substr(duration_at + 1)));
      require(duration.has_value(), "{}: record {}: an annotation's duration is '{}', expected seconds", file,
              record, for_message(both.substr(duration_at + 1)));
    }
    list.remove_prefix(times + 1);
    for (bool leading = true; !list.empty(); leading = false) {
      const std::size_t length = list.find(separator);
      const std::string_view text = list.substr(0, length);
      list.remove_prefix(length + 1);
      if (first && leading && text.empty()) {
        found.onset = found.has_onset ? found.onset : *onset;
        found.has_onset = true;
      } else if (!text.empty()) {
        found.events.push_back({*onset, duration, to_utf8(text)});
      }
    }
    first = false;
  }
}

std::string edf_onset(double seconds, std::optional<double> duration) {
  const auto shortest = [](std::string text) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) {
      text.pop_back();
    }
    return text;
  };
  return shortest(fmt::format("{:+.7f}", seconds)) +
         (duration ? before_duration + shortest(fmt::format("{:.7f}", *duration)) : "");
}

std::string edf_text_of(const Annotation& annotation) {
  std::string aux = to_utf8(annotation.aux);
  require(aux.find_first_of(std::string("\0\x14\x15", 3)) == std::string::npos,
          "annotation at sample {}: its AUX text holds byte 0, 20 or 21, which EDF+ cannot hold",
          annotation.sample);
  const bool has_tab = aux.find('\t') != std::string::npos;
  const bool has_fields = annotation.subtype != 0 || annotation.channel != 0 || annotation.number != 0;
  if (annotation.code == comment && !aux.empty() && !has_tab && !has_fields && !code_of(aux) &&
      !aux.starts_with("# ")) {
    return aux;
  }
  std::string text = symbol_of(annotation.code);
  if (!aux.empty() || has_fields) {
    text += '\t' + aux;
  }
  if (has_tab || has_fields) {
    text += fmt::format("\t{} {} {}", annotation.subtype, annotation.channel, annotation.number);
  }
  return text;
}

Annotation annotation_of_edf_text(std::string_view text) {
  Annotation annotation;
  const std::size_t tab = text.find('\t');
  const std::optional<int> code = code_of(text.substr(0, tab));
  if (!code) {
    annotation.code = comment;
    annotation.aux = text;
    return annotation;
  }
  annotation.code = *code;
  if (tab == std::string_view::npos) {
    return annotation;
  }
  std::string_view aux = text.substr(tab + 1);
  const std::size_t last = aux.rfind('\t');
  const auto fields = last == std::string_view::npos ? std::nullopt : three_fields(aux.substr(last + 1));
  if (fields) {
    annotation.subtype = (*fields)[0];
    annotation.channel = (*fields)[1];
    annotation.number = (*fields)[2];
    aux = aux.substr(0, last);
  }
  annotation.aux = aux;
  return annotation;
}

}  // namespace sec::io
