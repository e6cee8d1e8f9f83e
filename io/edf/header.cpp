#include "io/edf/header.h"

#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "engine/error.h"
#include "io/files/utf8.h"
#include "io/recording/dates.h"

namespace sec::io {
namespace {

constexpr std::int64_t block = 256;  // size in bytes of the header's fixed part, and of each signal's part

std::string_view trimmed(std::string_view text) {
  const auto filler = [](char c) { return c == ' ' || c == '\0'; };
  while (!text.empty() && filler(text.back())) {
    text.remove_suffix(1);
  }
  while (!text.empty() && filler(text.front())) {
    text.remove_prefix(1);
  }
  return text;
}

// Reads consecutive fields of fixed width. Text that is not UTF-8 is taken for Latin-1.
class Fields {
 public:
  Fields(std::string_view bytes, std::string file) : bytes_(bytes), file_(std::move(file)) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const auto byte = static_cast<unsigned char>(bytes[i]);
      require(byte >= ' ' || byte == 0, "{}: header: byte {} is {:#04x}, expected text", file_, i, byte);
    }
  }

  std::string text(std::size_t width) {
    const std::string_view field = bytes_.substr(position_, width);
    position_ += width;
    return to_utf8(trimmed(field));
  }

  std::int64_t whole(std::size_t width, const std::string& what, std::int64_t low, std::int64_t high) {
    const std::string field = text(width);
    const std::string_view digits = std::string_view(field).substr(field.starts_with('+') ? 1 : 0);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    require(error == std::errc() && end == digits.data() + digits.size() && value >= low && value <= high,
            "{}: header: {} is '{}', expected a whole number from {} to {}", file_, what, field, low, high);
    return value;
  }

  double number(std::size_t width, const std::string& what) {
    const std::string field = text(width);
    const std::string_view digits = std::string_view(field).substr(field.starts_with('+') ? 1 : 0);
    double value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    require(error == std::errc() && end == digits.data() + digits.size() && std::isfinite(value),
            "{}: header: {} is '{}', expected a number", file_, what, field);
    return value;
  }

 private:
  std::string_view bytes_;
  std::string file_;
  std::size_t position_ = 0;
};

// Parses three two-digit numbers separated by dots or colons: "dd.mm.yy", "hh.mm.ss".
std::optional<std::array<int, 3>> three_numbers(std::string_view text) {
  if (text.size() != 8) {
    return std::nullopt;
  }
  std::array<int, 3> numbers{};
  for (std::size_t i = 0; i < 3; ++i) {
    const char* begin = text.data() + 3 * i;
    const auto [end, error] = std::from_chars(begin, begin + 2, numbers[i]);
    if (error != std::errc() || end != begin + 2 || numbers[i] < 0) {
      return std::nullopt;
    }
  }
  return numbers;
}

// The date with a four-digit year from the EDF+ recording field "Startdate 02-MAR-2002 …".
// Empty if the field has no valid date; "X" means not known.
std::string plus_date(std::string_view recording) {
  constexpr std::string_view word = "Startdate ";
  if (!recording.starts_with(word)) {
    return "";
  }
  return numeric_date(recording.substr(word.size(), 11));
}

// "01.01.85 00.00.00" means that the start is not known. EDF+ states this in its recording field.
void set_start(EdfHeader& header, std::string_view date_field, std::string_view time_field) {
  const auto date = three_numbers(date_field);
  const auto time = three_numbers(time_field);
  const bool nothing = date_field == "01.01.85" && time_field == "00.00.00";
  const bool date_unknown = nothing || (header.plus && header.recording.starts_with("Startdate X"));
  const std::string full_date = header.plus ? plus_date(header.recording) : "";
  if (!full_date.empty()) {
    header.start_date = full_date;
  } else if (date && !date_unknown && (*date)[0] >= 1 && (*date)[0] <= 31 && (*date)[1] >= 1 &&
             (*date)[1] <= 12) {
    const int year = (*date)[2] + ((*date)[2] >= 85 ? 1900 : 2000);  // two-digit years: 1985 to 2084
    header.start_date = fmt::format("{:02}/{:02}/{:04}", (*date)[0], (*date)[1], year);
  }
  if (time && (!nothing || !full_date.empty()) && (*time)[0] < 24 && (*time)[1] < 60 && (*time)[2] < 60) {
    header.start_time = fmt::format("{:02}:{:02}:{:02}", (*time)[0], (*time)[1], (*time)[2]);
  }
}

void read_signals(EdfHeader& header, Fields& fields, const std::string& file) {
  std::vector<EdfSignal>& signals = header.signals;
  const auto place = [&](std::size_t i) { return fmt::format("signal {} ({})", i, signals[i].label); };
  for (EdfSignal& signal : signals) {
    signal.label = fields.text(16);
    signal.is_annotation = header.plus && signal.label == edf_annotation_label;
  }
  for (std::size_t i = 0; i < signals.size(); ++i) {
    fields.text(80);  // transducer type, ignored
  }
  for (EdfSignal& signal : signals) {
    signal.units = fields.text(8);
  }
  for (std::size_t i = 0; i < signals.size(); ++i) {
    signals[i].physical_min = fields.number(8, place(i) + ": physical minimum");
  }
  for (std::size_t i = 0; i < signals.size(); ++i) {
    signals[i].physical_max = fields.number(8, place(i) + ": physical maximum");
  }
  for (std::size_t i = 0; i < signals.size(); ++i) {
    signals[i].digital_min = static_cast<int>(fields.whole(8, place(i) + ": digital minimum", -32768, 32767));
  }
  for (std::size_t i = 0; i < signals.size(); ++i) {
    signals[i].digital_max = static_cast<int>(fields.whole(8, place(i) + ": digital maximum", -32768, 32767));
  }
  for (std::size_t i = 0; i < signals.size(); ++i) {
    fields.text(80);  // filters applied before recording, ignored
  }
  for (std::size_t i = 0; i < signals.size(); ++i) {
    EdfSignal& signal = signals[i];
    signal.samples = fields.whole(8, place(i) + ": samples in a record", 1, 99'999'999);
    signal.offset = header.record_bytes;
    header.record_bytes += 2 * signal.samples;
    require(signal.is_annotation || signal.digital_min <= signal.digital_max,
            "{}: header: {}: digital range from {} to {}, expected a higher maximum", file, place(i),
            signal.digital_min, signal.digital_max);
    if (signal.digital_min == signal.digital_max) {
      signal.unused = fmt::format("digital minimum and maximum are both {}", signal.digital_min);
    } else if (signal.physical_min == signal.physical_max) {
      signal.unused = fmt::format("physical minimum and maximum are both {}", signal.physical_min);
    }
  }
}

}  // namespace

EdfHeader read_edf_header(const RandomFile& file) {
  const std::string name = file.path().string();
  require(file.size() >= block, "{}: {} bytes, expected an EDF header of at least {}", name, file.size(),
          block);
  std::string bytes(block, '\0');
  file.read(0, bytes);
  require(bytes[0] != '\xff', "{}: a file of 24-bit samples (BDF), expected EDF", name);
  require(trimmed(std::string_view(bytes).substr(0, 8)) == "0",
          "{}: header: expected version 0, as all EDF files have", name);
  std::int64_t count = 0;
  {
    Fields fixed(bytes, name);
    fixed.text(252);
    count = fixed.whole(4, "number of signals", 1, 9999);
  }
  require(file.size() >= block * (count + 1), "{}: {} bytes, expected a header of {} for its {} signals",
          name, file.size(), block * (count + 1), count);
  bytes.resize(static_cast<std::size_t>(block * (count + 1)));
  file.read(0, bytes);

  EdfHeader header;
  Fields fields(bytes, name);
  fields.text(8);
  header.patient = fields.text(80);
  header.recording = fields.text(80);
  const std::string date = fields.text(8);
  const std::string time = fields.text(8);
  header.bytes = fields.whole(8, "bytes of the header", block * (count + 1), block * (count + 1));
  const std::string kind = fields.text(44);
  header.plus = kind.starts_with("EDF+C") || kind.starts_with("EDF+D");
  header.gaps = kind.starts_with("EDF+D");
  header.records = fields.whole(8, "number of records", -1, 99'999'999);
  header.duration = fields.number(8, "duration of a record");
  fields.text(4);
  set_start(header, date, time);
  header.signals.resize(static_cast<std::size_t>(count));
  read_signals(header, fields, name);

  const std::int64_t found = (file.size() - header.bytes) / header.record_bytes;
  const std::int64_t rest = (file.size() - header.bytes) % header.record_bytes;
  require((header.records < 0 || header.records == found) && rest == 0,
          "{}: {} records and {} bytes, expected {} whole records of {} bytes", name, found, rest,
          header.records < 0 ? "only" : std::to_string(header.records), header.record_bytes);
  header.records = found;
  return header;
}

}  // namespace sec::io
