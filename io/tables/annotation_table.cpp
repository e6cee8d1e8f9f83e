#include "io/tables/annotation_table.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "engine/error.h"
#include "io/files/text_table.h"
#include "io/files/utf8.h"
#include "io/recording/annotation_codes.h"

namespace sec::io {
namespace {

constexpr const char* suffix = ".annotations.csv";
constexpr double latest = 1e15;  // samples

std::string_view without_blanks(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  return begin == std::string_view::npos ? std::string_view()
                                         : text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

template <typename Number>
bool parse(std::string_view text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

int small_number(std::string_view text, const char* column, const std::string& place) {
  int value = 0;
  require(text.empty() || (parse(text, value) && value >= -128 && value <= 255),
          "{}: {} '{}', expected a whole number from -128 to 255", place, column, for_message(text));
  return value;
}

}  // namespace

std::filesystem::path annotation_table_of(const std::filesystem::path& recording) {
  std::filesystem::path base = recording;
  for (const char* extension : {".hea", ".dat", ".edf", ".csv", ".tsv", ".npy", ".txt"}) {
    std::string own = recording.extension().string();
    std::ranges::transform(own, own.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (own == extension) {
      base.replace_extension();
      break;
    }
  }
  return base.string() + suffix;
}

bool is_annotation_table(const std::filesystem::path& path) {
  return path.filename().string().ends_with(suffix);
}

std::vector<Annotation> read_annotation_table(const std::filesystem::path& path, double rate) {
  const TextTable table = read_text_table(path);
  const std::size_t symbol = table.column("symbol");
  const auto sample = table.optional_column("sample");
  const auto time = table.optional_column("time_s");
  require(sample.has_value() != time.has_value(), "{}:1: expected a column sample or a column time_s, {}",
          table.file, sample ? "not both" : "there is none");
  const auto sub = table.optional_column("sub");
  const auto chan = table.optional_column("chan");
  const auto num = table.optional_column("num");
  const auto aux = table.optional_column("aux");
  std::vector<Annotation> annotations;
  for (const TextRow& row : table.rows) {
    const auto field = [&](std::optional<std::size_t> column) {
      return column ? without_blanks(row.fields[*column]) : std::string_view();
    };
    Annotation annotation;
    if (sample) {
      require(parse(field(sample), annotation.sample) && annotation.sample >= 0,
              "{}: sample '{}', expected a whole number from 0", row.place, for_message(field(sample)));
    } else {
      double seconds = -1;
      require(parse(field(time), seconds) && seconds >= 0 && seconds * rate < latest,
              "{}: time_s '{}', expected seconds from the start", row.place, for_message(field(time)));
      annotation.sample = std::llround(seconds * rate);
    }
    const std::optional<int> code = code_of(field(symbol));
    require(code.has_value(), "{}: symbol '{}', expected one of the MIT format, such as N, S, V, F or Q",
            row.place, for_message(field(symbol)));
    annotation.code = *code;
    annotation.subtype = small_number(field(sub), "sub", row.place);
    annotation.channel = small_number(field(chan), "chan", row.place);
    annotation.number = small_number(field(num), "num", row.place);
    annotation.aux = aux ? row.fields[*aux] : "";
    annotations.push_back(std::move(annotation));
  }
  std::ranges::stable_sort(annotations, {}, &Annotation::sample);
  return annotations;
}

}  // namespace sec::io
