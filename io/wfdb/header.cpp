#include "io/wfdb/header.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "engine/error.h"
#include "io/files/read_file.h"
#include "io/files/utf8.h"
#include "io/recording/dates.h"
#include "io/recording/reader.h"
#include "io/recording/units.h"

namespace sec::io {
namespace {

constexpr std::uintmax_t largest_header = 16U << 20;
constexpr std::size_t most_signals = 1U << 16;
// Limits that keep every sample in mV within the range of a float.
constexpr double smallest_gain = 1e-25;
constexpr double largest_gain = 1e25;
constexpr std::string_view blanks = " \t";

bool one_of(std::string_view text, std::string_view allowed) {
  return text.find_first_not_of(allowed) == std::string_view::npos;
}

// A line of the header and its position for error messages. Fields are taken from its front.
class Line {
 public:
  Line(std::string_view text, std::string place) : rest_(text), place_(std::move(place)) {}

  const std::string& place() const { return place_; }

  // The next field; empty at the end of the line.
  std::string_view field() {
    skip_blanks();
    const std::string_view found = rest_.substr(0, rest_.find_first_of(blanks));
    rest_.remove_prefix(found.size());
    return found;
  }

  std::string_view remainder() {
    skip_blanks();
    const std::size_t last = rest_.find_last_not_of(blanks);
    return rest_.substr(0, last == std::string_view::npos ? 0 : last + 1);
  }

  // Parses a number at the front of `text` and removes it.
  template <typename T>
  T number(std::string_view& text, std::string_view what) const {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    require(error == std::errc{}, "{}: {} is '{}', expected a number{}", place_, what, text,
            error == std::errc::result_out_of_range ? " within range" : "");
    if constexpr (std::is_floating_point_v<T>) {
      require(std::isfinite(value), "{}: {} is '{}', expected a finite number", place_, what, text);
    }
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
  }

  // Parses all of `text` as a number.
  template <typename T>
  T whole(std::string_view text, std::string_view what) const {
    std::string_view rest = text;
    const T value = number<T>(rest, what);
    require(rest.empty(), "{}: {} is '{}', expected a number", place_, what, text);
    return value;
  }

 private:
  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(blanks), rest_.size())); }

  std::string_view rest_;
  std::string place_;
};

bool starts(std::string_view& text, char mark) {
  if (text.empty() || text.front() != mark) {
    return false;
  }
  text.remove_prefix(1);
  return true;
}

bool is_record_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
  });
}

// True for a plain file name in the header's own folder, not a path, "..", or a device.
bool is_plain_file_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name != "-" &&
         std::ranges::none_of(name,
                              [](unsigned char c) { return c == '/' || c == '\\' || c < 0x21 || c == 0x7f; });
}

// The numbers of lines that the record line announces.
struct Promise {
  std::uint64_t signals = 0;
  std::uint64_t segments = 0;  // 0: a single-segment record
};

// Challenge data have dates as "2014-05-08" or "12-May-2020", and before the time. Other writers join date and time by
// a T. The header's fields become HH:MM:SS and DD/MM/YYYY.
void normalise_start(WfdbHeader& header) {
  const std::size_t joint = header.base_time.find('T');
  if (joint != std::string::npos && header.base_date.empty() &&
      !numeric_date(std::string_view(header.base_time).substr(0, joint)).empty()) {
    header.base_date = header.base_time.substr(joint + 1);
    header.base_time.resize(joint);
  }
  if (const std::string date = numeric_date(header.base_time); !date.empty()) {
    header.base_time = std::exchange(header.base_date, date);
  } else if (const std::string second = numeric_date(header.base_date); !second.empty()) {
    header.base_date = second;
  }
}

// RECORD[/SEGMENTS] SIGNALS [RATE[/COUNTER_RATE[(BASE_COUNTER)]] [SAMPLES [BASE_TIME [BASE_DATE]]]]
Promise parse_record_line(Line& line, WfdbHeader& header) {
  Promise promise;
  std::string_view name = line.field();
  const std::size_t slash = name.find('/');
  if (slash != std::string_view::npos) {
    promise.segments = line.whole<std::uint64_t>(name.substr(slash + 1), "number of segments");
    require(promise.segments > 0, "{}: number of segments is 0, expected 1 or more", line.place());
    name = name.substr(0, slash);
  }
  require(is_record_name(name), "{}: '{}' is not a record name", line.place(), name);
  header.name = name;
  const std::string_view count = line.field();
  require(!count.empty(), "{}: the number of signals is missing", line.place());
  promise.signals = line.whole<std::uint64_t>(count, "number of signals");

  std::string_view field = line.field();
  if (!field.empty()) {
    const std::string_view whole = field;
    header.rate = line.number<double>(field, "sampling rate");
    if (starts(field, '/')) {
      header.counter_rate = line.number<double>(field, "counter frequency");
      if (starts(field, '(')) {
        header.base_counter = line.number<double>(field, "base counter value");
        require(starts(field, ')'), "{}: sampling rate is '{}', expected a closing bracket", line.place(),
                whole);
      }
    }
    require(field.empty(), "{}: sampling rate is '{}', expected RATE/COUNTER(BASE)", line.place(), whole);
    require_rate(header.rate, line.place());
  }
  field = line.field();
  if (!field.empty()) {
    header.samples = line.whole<std::int64_t>(field, "number of samples");
    require(header.samples >= 0, "{}: number of samples is {}, expected 0 or more", line.place(),
            header.samples);
  }
  header.base_time = line.field();
  header.base_date = line.field();
  normalise_start(header);
  require(one_of(header.base_time, "0123456789:."), "{}: base time is '{}', expected HH:MM:SS", line.place(),
          header.base_time);
  require(one_of(header.base_date, "0123456789/"), "{}: base date is '{}', expected DD/MM/YYYY", line.place(),
          header.base_date);
  require(line.remainder().empty(), "{}: unexpected '{}' after the base date", line.place(),
          line.remainder());
  return promise;
}

// FORMAT[xSAMPLES_PER_FRAME][:SKEW][+BYTE_OFFSET]
void parse_format(const Line& line, std::string_view field, WfdbSignal& signal) {
  const std::string_view whole = field;
  signal.format = line.number<int>(field, "format");
  if (starts(field, 'x')) {
    signal.samples_per_frame = line.number<int>(field, "samples per frame");
    require(signal.samples_per_frame >= 1, "{}: samples per frame is {}, expected 1 or more", line.place(),
            signal.samples_per_frame);
  }
  if (starts(field, ':')) {
    signal.skew = line.number<int>(field, "skew");
    require(signal.skew >= 0, "{}: skew is {}, expected 0 or more", line.place(), signal.skew);
  }
  if (starts(field, '+')) {
    signal.byte_offset = line.number<std::int64_t>(field, "byte offset");
    require(signal.byte_offset >= 0, "{}: byte offset is {}, expected 0 or more", line.place(),
            signal.byte_offset);
  }
  require(field.empty(), "{}: format is '{}', expected FORMATxSAMPLES:SKEW+OFFSET", line.place(), whole);
}

// GAIN[(BASELINE)][/UNITS]; returns whether a baseline is given.
bool parse_gain(const Line& line, std::string_view field, WfdbSignal& signal) {
  const std::string_view whole = field;
  const auto gain = line.number<double>(field, "gain");
  require(gain == 0 || (std::abs(gain) >= smallest_gain && std::abs(gain) <= largest_gain),
          "{}: gain is {}, expected a magnitude of {} to {} adu per unit", line.place(), gain, smallest_gain,
          largest_gain);
  signal.has_gain = gain != 0;
  signal.gain = gain == 0 ? 200 : gain;  // 0 means "not calibrated": the standard's default applies
  bool has_baseline = false;
  if (starts(field, '(')) {
    signal.baseline = line.number<int>(field, "baseline");
    has_baseline = true;
    require(starts(field, ')'), "{}: gain is '{}', expected a closing bracket", line.place(), whole);
  }
  if (starts(field, '/')) {
    signal.units =
        field.empty() ? std::string(no_unit) : to_utf8(field);  // no unit: as our writer once put it
    field = {};
  }
  require(field.empty(), "{}: gain is '{}', expected GAIN(BASELINE)/UNITS", line.place(), whole);
  return has_baseline;
}

// FILE FORMAT [GAIN [RESOLUTION [ZERO [INITIAL [CHECKSUM [BLOCK_SIZE [DESCRIPTION]]]]]]]
WfdbSignal parse_signal_line(Line& line) {
  WfdbSignal signal;
  signal.file = line.field();
  require(is_plain_file_name(signal.file), "{}: '{}' is not the name of a file in the header's folder",
          line.place(), signal.file);
  parse_format(line, line.field(), signal);
  bool has_baseline = false;
  std::string_view field = line.field();
  if (!field.empty()) {
    has_baseline = parse_gain(line, field, signal);
  }
  field = line.field();
  if (!field.empty()) {
    signal.resolution = line.whole<int>(field, "ADC resolution");
  }
  field = line.field();
  if (!field.empty()) {
    signal.zero = line.whole<int>(field, "ADC zero");
  }
  if (!has_baseline) {
    signal.baseline = signal.zero;
  }
  field = line.field();
  if (!field.empty()) {
    signal.initial = line.whole<int>(field, "initial value");
  }
  field = line.field();
  if (!field.empty()) {
    signal.checksum = line.whole<int>(field, "checksum");
  }
  field = line.field();
  if (!field.empty()) {
    signal.block_size = line.whole<int>(field, "block size");
  }
  signal.description = to_utf8(line.remainder());
  return signal;
}

// SEGMENT SAMPLES
WfdbSegment parse_segment_line(Line& line) {
  WfdbSegment segment;
  segment.name = line.field();
  require(segment.is_gap() || is_record_name(segment.name),
          "{}: '{}' is not the name of a record in the header's folder", line.place(), segment.name);
  segment.samples = line.whole<std::int64_t>(line.field(), "number of samples");
  require(segment.samples >= 0, "{}: number of samples is {}, expected 0 or more", line.place(),
          segment.samples);
  require(line.remainder().empty(), "{}: unexpected '{}' after the number of samples", line.place(),
          line.remainder());
  return segment;
}

// Checks that the segments' lengths add up to the length in the record line.
void check_segments(WfdbHeader& header, const std::string& place) {
  std::int64_t total = 0;
  for (const WfdbSegment& segment : header.segments) {
    require(segment.samples <= INT64_MAX - total, "{}: the segments have too many samples to count", place);
    total += segment.samples;
  }
  require(header.samples == 0 || header.samples == total, "{}: {} samples expected, the segments have {}",
          place, header.samples, total);
  header.samples = total;
}

}  // namespace

WfdbHeader parse_wfdb_header(std::string_view text, const std::string& file) {
  WfdbHeader header;
  std::optional<Promise> promised;
  std::string record_place;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t length = std::min(text.find('\n'), text.size());
    std::string_view content = text.substr(0, length);
    text.remove_prefix(std::min(length + 1, text.size()));
    if (!content.empty() && content.back() == '\r') {
      content.remove_suffix(1);
    }
    if (one_of(content, blanks)) {
      continue;
    }
    if (content.front() == '#') {
      content.remove_prefix(content.starts_with("# ") ? 2 : 1);
      header.comments.push_back(to_utf8(content));
      continue;
    }
    Line line(content, fmt::format("{}:{}", file, number));
    if (!promised) {
      promised = parse_record_line(line, header);
      record_place = line.place();
    } else if (promised->segments > 0) {
      require(header.segments.size() < promised->segments,
              "{}: more segments than the {} that the record line states", line.place(), promised->segments);
      header.segments.push_back(parse_segment_line(line));
    } else {
      require(header.signals.size() < promised->signals,
              "{}: more signals than the {} that the record line states", line.place(), promised->signals);
      require(header.signals.size() < most_signals, "{}: more than {} signals", line.place(), most_signals);
      header.signals.push_back(parse_signal_line(line));
      const int each = header.signals.back().samples_per_frame;
      require_rate(header.rate * each, fmt::format("{}: {} samples in each frame", line.place(), each));
    }
  }
  require(promised.has_value(), "{}: no record line", file);
  header.width = promised->signals;
  if (promised->segments > 0) {
    require(header.segments.size() == promised->segments, "{}: {} segments expected, {} found", record_place,
            promised->segments, header.segments.size());
    check_segments(header, record_place);
  } else {
    require(header.signals.size() == promised->signals, "{}: {} signals expected, {} found", record_place,
            promised->signals, header.signals.size());
  }
  return header;
}

WfdbHeader read_wfdb_header(const std::filesystem::path& path) {
  return parse_wfdb_header(read_file(path, largest_header), path.string());
}

Lead lead_of(const WfdbSignal& signal) {
  const double voltage = millivolts_per(signal.units);
  return {signal.description,
          voltage == 0 ? signal.units : "mV",
          voltage == 0 ? signal.gain : signal.gain / voltage,
          signal.baseline,
          signal.resolution,
          signal.has_gain};
}

std::string wfdb_header_text(const WfdbHeader& header) {
  require(header.segments.empty(), "{}.hea: a multi-segment record cannot be written", header.name);
  const auto fits_a_line = [](std::string_view text) { return text.find_first_of("\r\n") == text.npos; };
  const bool lines_hold = std::ranges::all_of(header.comments, fits_a_line) &&
                          std::ranges::all_of(header.signals, fits_a_line, &WfdbSignal::description) &&
                          std::ranges::all_of(header.signals, fits_a_line, &WfdbSignal::units);
  require(lines_hold, "{}.hea: a comment, description or unit with a line break cannot be written",
          header.name);
  std::string text = fmt::format("{} {} {}", header.name, header.signals.size(), header.rate);
  if (header.counter_rate) {
    text += fmt::format("/{}({})", *header.counter_rate, header.base_counter);
  }
  text += fmt::format(" {}", header.samples);
  if (!header.base_time.empty()) {
    text += " " + header.base_time;
    text += header.base_date.empty() ? "" : " " + header.base_date;
  }
  text += '\n';
  for (const WfdbSignal& signal : header.signals) {
    text += fmt::format("{} {}", signal.file, signal.format);
    text += signal.samples_per_frame == 1 ? "" : fmt::format("x{}", signal.samples_per_frame);
    text += signal.skew == 0 ? "" : fmt::format(":{}", signal.skew);
    text += signal.byte_offset == 0 ? "" : fmt::format("+{}", signal.byte_offset);
    text += fmt::format(" {}", signal.gain);
    text += signal.baseline == signal.zero ? "" : fmt::format("({})", signal.baseline);
    text += signal.units == "mV" ? "" : "/" + signal.units;
    text += fmt::format(" {} {}", signal.resolution, signal.zero);
    // Fields are positional, so fields after a missing one cannot be written.
    if (signal.initial) {
      text += fmt::format(" {}", *signal.initial);
      if (signal.checksum) {
        text += fmt::format(" {} {}", *signal.checksum, signal.block_size);
        text += signal.description.empty() ? "" : " " + signal.description;
      }
    }
    text += '\n';
  }
  for (const std::string& comment : header.comments) {
    text += "# " + comment + '\n';
  }
  const WfdbHeader back = parse_wfdb_header(text, header.name + ".hea");
  require(back.comments == header.comments && back.base_time == header.base_time &&
              back.base_date == header.base_date &&
              std::ranges::equal(back.signals, header.signals,
                                 [](const WfdbSignal& a, const WfdbSignal& b) {
                                   return a.file == b.file && a.units == b.units &&
                                          a.description == b.description;
                                 }),
          "{}.hea: a name, comment, description or unit would not read back as given", header.name);
  return text;
}

}  // namespace sec::io
