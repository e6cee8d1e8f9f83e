#include "tools/secinfer/live_input.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "engine/error.h"
#include "io/files/text_table.h"
#include "io/files/utf8.h"
#include "io/recording/lead_names.h"
#include "io/tables/csv_cells.h"

namespace sec::tools {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr float no_sample = std::numeric_limits<float>::quiet_NaN();
constexpr std::size_t longest_line = 65536;

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r");
  return begin == std::string_view::npos ? ""
                                         : text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

// Parses a number, also one with a decimal comma if `commas`. An empty field is a missing sample.
bool parse_number(std::string_view text, bool commas, float& value) {
  text = trimmed(text);
  value = no_sample;
  if (text.empty()) {
    return true;
  }
  std::string with_point;
  if (const std::size_t comma = commas ? text.find(',') : std::string_view::npos;
      comma != std::string_view::npos && text.find('.') == std::string_view::npos) {
    with_point = text;
    with_point[comma] = '.';
    text = with_point;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

LiveFormat parse_live_format(const std::string& name) {
  if (name == "csv") {
    return LiveFormat::csv;
  }
  require(name == "i16" || name == "f32", "live format '{}', expected csv, i16 or f32", name);
  return name == "i16" ? LiveFormat::i16 : LiveFormat::f32;
}

LiveInput::LiveInput(LiveFormat format, const std::vector<std::string>& leads, double gain)
    : format_(format), names_(leads), leads_(leads.size()), gain_(gain) {}

void LiveInput::push(std::string_view bytes, std::vector<std::vector<float>>& samples) {
  rest_ += bytes;
  std::size_t used = 0;
  if (format_ == LiveFormat::csv) {
    for (std::size_t end = 0; (end = rest_.find('\n', used)) != std::string::npos; used = end + 1) {
      read_line(std::string_view(rest_).substr(used, end - used), samples);
    }
    require(rest_.size() - used <= longest_line, "standard input: line {}: longer than {} bytes", line_ + 1,
            longest_line);
  } else {
    const std::size_t width = format_ == LiveFormat::i16 ? sizeof(std::int16_t) : sizeof(float);
    for (; used + leads_ * width <= rest_.size(); used += leads_ * width) {
      for (std::size_t lead = 0; lead < leads_; ++lead) {
        const char* at = rest_.data() + used + lead * width;
        if (format_ == LiveFormat::i16) {
          std::int16_t value = 0;
          std::memcpy(&value, at, width);
          const bool valid = value != std::numeric_limits<std::int16_t>::min();  // lowest: invalid
          samples[lead].push_back(valid ? static_cast<float>(value / gain_) : no_sample);
        } else {
          float value = 0;
          std::memcpy(&value, at, width);
          samples[lead].push_back(value);
        }
      }
    }
  }
  rest_.erase(0, used);
}

void LiveInput::finish(std::vector<std::vector<float>>& samples) {
  if (format_ == LiveFormat::csv) {
    if (!rest_.empty()) {
      push("\n", samples);
    }
    return;
  }
  require(rest_.empty(), "standard input: ends within a frame of {} leads", leads_);
}

void LiveInput::check_names(std::string_view line) const {
  const std::vector<std::string> columns = io::csv_cells(io::to_utf8(line), separator_);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::optional<std::size_t> lead = io::find_lead(names_, columns[i], "standard input");
    require(!lead || *lead == i, "standard input: line 1: column {} is {}, but --leads names it as column {}",
            i + 1, columns[i], lead.value_or(0) + 1);
  }
}

void LiveInput::read_line(std::string_view line, std::vector<std::vector<float>>& samples) {
  if (++line_ == 1) {
    line.remove_prefix(line.starts_with("\xef\xbb\xbf") ? 3 : 0);
    separator_ = io::separator_of(line);
  }
  if (trimmed(line).empty() && leads_ > 1) {
    return;
  }
  std::vector<float> frame;
  bool numbers = true;
  for (std::size_t begin = 0; begin <= line.size();) {
    const std::size_t end = std::min(line.find(separator_, begin), line.size());
    numbers =
        parse_number(line.substr(begin, end - begin), separator_ != ',', frame.emplace_back()) && numbers;
    begin = end + 1;
  }
  if (!numbers && line_ == 1) {
    check_names(line);
    return;
  }
  require(numbers, "standard input: line {}: '{}' is no list of numbers", line_, trimmed(line.substr(0, 80)));
  require(frame.size() == leads_, "standard input: line {}: {} numbers, expected {}, one for each of --leads",
          line_, frame.size(), leads_);
  for (std::size_t lead = 0; lead < leads_; ++lead) {
    samples[lead].push_back(frame[lead]);
  }
}

}  // namespace sec::tools
