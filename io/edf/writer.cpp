#include "io/edf/writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "engine/error.h"
#include "io/edf/annotation.h"
#include "io/edf/header.h"
#include "io/edf/scale.h"
#include "io/files/atomic_file.h"
#include "io/files/utf8.h"
#include "io/recording/lead_names.h"
#include "io/recording/units.h"

namespace sec::io {
namespace {

constexpr int longest_record = 100;   // s
constexpr double rate_error = 1e-6;   // largest relative error of a record's duration in eight characters
constexpr double small_error = 1e-7;  // 9 ms in a day
constexpr double exact = 1e-15;       // relative error of a duration that is expressed exactly
constexpr double most_candidates = 1000;
constexpr std::size_t annotation_record = 60'000;  // bytes per data record in files of annotations only
constexpr std::int64_t most_records = 99'999'999;

constexpr std::array<std::string_view, 12> months{"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                                  "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};

// The header fields of one signal.
struct Column {
  std::string label;
  std::string units;
  std::string physical_min = "-1";
  std::string physical_max = "1";
  std::string digital_min = "-32768";
  std::string digital_max = "32767";
  std::int64_t samples = 0;  // samples per data record
};

// The start of the recording, as header fields.
struct Start {
  std::string date = "01.01.85";
  std::string time = "00.00.00";
  std::string recording = "Startdate X X X X";
  double fraction = 0;  // fraction of the first second
};

struct HeaderContent {
  Start start;
  std::string duration;  // duration of a data record, s
  std::int64_t records = 0;
  std::vector<Column> columns;  // the last column is that of the annotations
};

void put(std::string& header, std::string_view text, std::size_t width, const std::string& file) {
  const bool fits =
      text.size() <= width && std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
  require(fits, "{}: '{}': expected at most {} ASCII characters in this field of an EDF header", file, text,
          width);
  header += text;
  header.append(width - text.size(), ' ');
}

std::string header_of(const HeaderContent& content, const std::string& file) {
  require(content.columns.size() <= 9999 && content.records <= most_records,
          "{}: {} signals and {} records, EDF allows 9999 and {}", file, content.columns.size(),
          content.records, most_records);
  std::string header;
  put(header, "0", 8, file);
  put(header, "X X X X", 80, file);
  put(header, content.start.recording, 80, file);
  put(header, content.start.date, 8, file);
  put(header, content.start.time, 8, file);
  put(header, std::to_string(256 * (content.columns.size() + 1)), 8, file);
  put(header, "EDF+C", 44, file);
  put(header, std::to_string(content.records), 8, file);
  put(header, content.duration, 8, file);
  put(header, std::to_string(content.columns.size()), 4, file);
  const auto each = [&](std::size_t width, const auto& text) {
    for (const Column& column : content.columns) {
      put(header, text(column), width, file);
    }
  };
  each(16, [](const Column& c) { return c.label; });
  each(80, [](const Column&) { return std::string(); });  // transducer type
  each(8, [](const Column& c) { return c.units; });
  each(8, [](const Column& c) { return c.physical_min; });
  each(8, [](const Column& c) { return c.physical_max; });
  each(8, [](const Column& c) { return c.digital_min; });
  each(8, [](const Column& c) { return c.digital_max; });
  each(80, [](const Column&) { return std::string(); });  // filters applied
  each(8, [](const Column& c) { return std::to_string(c.samples); });
  each(32, [](const Column&) { return std::string(); });
  return header;
}

// Converts "02/03/2002" and "12:30:05.25" to header fields. EDF's two-digit years mean 1985 to 2084.
// A date that is unknown or outside these years keeps its default, which means unknown.
Start start_of(const EdfStart& given) {
  Start start;
  const auto number = [](std::string_view text, std::size_t& at) {
    int value = -1;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), value);
    at = static_cast<std::size_t>(end - text.data()) + 1;
    return error == std::errc() ? value : -1;
  };
  std::array<int, 3> date{};
  std::array<int, 3> time{};
  std::size_t at = 0;
  for (int& part : date) {
    part = at <= given.date.size() ? number(given.date, at) : -1;
  }
  at = 0;
  for (int& part : time) {
    part = at <= given.time.size() ? number(given.time, at) : -1;
  }
  if (date[0] >= 1 && date[0] <= 31 && date[1] >= 1 && date[1] <= 12 && date[2] >= 1985 && date[2] <= 2084) {
    start.date = fmt::format("{:02}.{:02}.{:02}", date[0], date[1], date[2] % 100);
    start.recording = fmt::format("Startdate {:02}-{}-{} X X X", date[0],
                                  months[static_cast<std::size_t>(date[1] - 1)], date[2]);
  }
  if (time[0] >= 0 && time[0] < 24 && time[1] >= 0 && time[1] < 60 && time[2] >= 0 && time[2] < 60) {
    start.time = fmt::format("{:02}.{:02}.{:02}", time[0], time[1], time[2]);
    if (at <= given.time.size()) {
      const std::string fraction = "0." + given.time.substr(at);
      std::from_chars(fraction.data(), fraction.data() + fraction.size(), start.fraction);
    }
  }
  return start;
}

double value_of(const std::string& number) {
  double value = 0;
  std::from_chars(number.data(), number.data() + number.size(), value);
  return value;
}

// The length of a data record: a whole number of frames.
struct Record {
  std::int64_t frames = 0;
  std::string duration;  // s
};

// One or two whole seconds if they hold a whole number of frames. Otherwise a record of half a second to two seconds,
// whose eight characters express the duration exactly or, failing that, to within `small_error`. Of several such records,
// the one that leaves the least of the last record to be filled up. If there is none, the one with the least error.
Record record_of(double rate, std::int64_t samples, const std::string& file) {
  for (const double seconds : {1.0, 2.0}) {
    const double frames = std::round(rate * seconds);
    if (frames > 0 && std::abs(rate * seconds - frames) <= exact * rate * seconds) {
      return {static_cast<std::int64_t>(frames), edf_number(seconds)};
    }
  }
  Record best;
  std::tuple<double, std::int64_t> least = {rate_error, 0};  // error, samples to be filled up
  const double fewest = std::max(1.0, std::ceil(rate / 2));
  const double most = std::min(rate < 1 ? longest_record * rate : 2 * rate, fewest + most_candidates);
  for (double count = fewest; count <= most; ++count) {
    const auto frames = static_cast<std::int64_t>(count);
    const std::string duration = edf_number(count / rate);
    const double said = value_of(duration);
    const double error = said > 0 ? std::abs(count / said / rate - 1) : 1;
    const double counted = error < exact ? 0 : std::max(error, small_error);
    const std::tuple<double, std::int64_t> here = {counted, (frames - samples % frames) % frames};
    if (here < least) {
      least = here;
      best = {frames, duration};
    }
  }
  require(best.frames > 0, "{}: no EDF record holds a whole number of samples at {} Hz", file, rate);
  return best;
}

// Time-stamped annotation lists (TALs), distributed over the data records.
class Tals {
 public:
  Tals(std::span<const Annotation> annotations, double rate, double offset, const std::string& file)
      : offset_(offset) {
    std::int64_t before = 0;
    for (const Annotation& annotation : annotations) {
      require(annotation.sample >= before, "{}: annotation at sample {} comes before {}", file,
              annotation.sample, before);
      before = annotation.sample;
      add(static_cast<double>(annotation.sample) / rate, annotation.duration, edf_text_of(annotation));
    }
  }

  void add_first(const std::vector<std::string>& comments, const std::string& file) {
    std::vector<Tal> all;
    all.swap(tals_);
    for (const std::string& comment : comments) {
      require(comment.find_first_of(std::string("\0\x14\x15", 3)) == std::string::npos,
              "{}: the comment '{}' holds byte 0, 20 or 21, which EDF+ cannot hold", file,
              for_message(comment));
      add(0, {}, "# " + to_utf8(comment));
    }
    tals_.insert(tals_.end(), std::make_move_iterator(all.begin()), std::make_move_iterator(all.end()));
  }

  // Computes the bytes per data record so that `records` records hold all annotations.
  // Each annotation is in the record of its time or soon after.
  // Annotations after the recording's end are in the last record.
  std::size_t fit(std::int64_t records, double duration) {
    records_ = records;
    std::size_t longest = 0;
    for (const Tal& tal : tals_) {
      longest = std::max(longest, tal.bytes.size());
    }
    const std::size_t keeping = kept_time(records, duration).size();
    for (capacity_ = keeping + longest;; capacity_ += capacity_ / 4 + 2) {
      next_ = 0;
      for (std::int64_t record = 0; record < records && next_ < tals_.size(); ++record) {
        annotations_of(record, duration);
      }
      if (next_ == tals_.size()) {
        next_ = 0;
        return capacity_ += capacity_ % 2;
      }
    }
  }

  // The bytes of the annotation signal in the next data record.
  std::string annotations_of(std::int64_t record, double duration) {
    std::string bytes = kept_time(record, duration);
    const double end = record + 1 == records_ ? INFINITY : static_cast<double>(record + 1) * duration;
    while (next_ < tals_.size() && tals_[next_].onset < end &&
           bytes.size() + tals_[next_].bytes.size() <= capacity_) {
      bytes += tals_[next_++].bytes;
    }
    bytes.resize(capacity_, '\0');
    return bytes;
  }

  // For files that hold only annotations: splits them into as few records as possible, each of duration 0.
  std::vector<std::string> in_records_of(std::size_t size) {
    std::vector<std::string> records(1, kept_time(0, 0));
    for (const Tal& tal : tals_) {
      if (records.back().size() + tal.bytes.size() > size && records.back() != kept_time(0, 0)) {
        records.push_back(kept_time(0, 0));
      }
      records.back() += tal.bytes;
    }
    std::size_t longest = 0;
    for (const std::string& record : records) {
      longest = std::max(longest, record.size() + record.size() % 2);
    }
    for (std::string& record : records) {
      record.resize(longest, '\0');
    }
    return records;
  }

 private:
  struct Tal {
    double onset;  // s after the first sample
    std::string bytes;
  };

  void add(double onset, std::optional<double> duration, const std::string& text) {
    tals_.push_back({onset, edf_onset(onset + offset_, duration) + '\x14' + text + std::string("\x14\0", 2)});
  }

  std::string kept_time(std::int64_t record, double duration) const {
    return edf_onset(offset_ + static_cast<double>(record) * duration) + std::string("\x14\x14\0", 3);
  }

  double offset_;  // s, from the header's start time to the first sample
  std::vector<Tal> tals_;
  std::int64_t records_ = 0;
  std::size_t next_ = 0;
  std::size_t capacity_ = 0;  // bytes per data record
};

Column annotation_column(std::size_t bytes) {
  Column column;
  column.label = edf_annotation_label;
  column.samples = static_cast<std::int64_t>(bytes / 2);
  return column;
}

// Reads the source one data record at a time. The last record may be shorter.
class Windows {
 public:
  Windows(RecordingReader& source, std::int64_t frames) : source_(source), frames_(frames) {
    values_.resize(source.info().leads.size());
    spans_.resize(values_.size());
  }

  const std::vector<std::vector<float>>& read(std::int64_t record) {
    const ReaderInfo& info = source_.info();
    const std::int64_t begin = record * frames_;
    const std::int64_t count = std::min(frames_, info.samples - begin);
    for (std::size_t i = 0; i < values_.size(); ++i) {
      values_[i].resize(static_cast<std::size_t>(count * info.samples_per_frame[i]));
      spans_[i] = values_[i];
    }
    source_.read(begin, count, spans_);
    return values_;
  }

 private:
  RecordingReader& source_;
  std::int64_t frames_;
  std::vector<std::vector<float>> values_;
  std::vector<std::span<float>> spans_;
};

// EDF headers are ASCII: the micro sign becomes u, any other character '?'.
std::string ascii(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_micro = text.substr(i).starts_with("\xc2\xb5") || text.substr(i).starts_with("\xce\xbc");
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      result += text[i];
    } else if ((byte & 0xC0) != 0x80) {  // the first byte of a character
      result += is_micro ? 'u' : '?';
    }
  }
  return result;
}

std::string label_of(const Lead& lead) {
  const std::string name = ascii(to_utf8(lead.name));
  const bool is_ecg = lead.units == "mV" && name.size() + 4 <= 16;
  return is_ecg || without_signal_type(name) != name ? "ECG " + name : name;
}

std::string unit_of(const Lead& lead) {
  return lead.units == no_unit ? "" : ascii(to_utf8(lead.units));
}

}  // namespace

void write_edf(const std::filesystem::path& path, RecordingReader& source,
               std::span<const Annotation> annotations) {
  const std::string file = path.string();
  const ReaderInfo& info = source.info();
  require(!info.leads.empty(), "{}: the recording has no leads", file);
  const Record record = record_of(info.rate, info.samples, file);
  const double duration = value_of(record.duration);

  HeaderContent content;
  content.start = start_of({info.start_date, info.start_time});
  content.duration = record.duration;
  content.records = std::max<std::int64_t>(1, (info.samples + record.frames - 1) / record.frames);
  Tals tals(annotations, annotation_rate(info), content.start.fraction, file);
  tals.add_first(info.comments, file);

  std::vector<EdfRange> ranges(info.leads.begin(), info.leads.end());
  Windows windows(source, record.frames);
  for (std::int64_t r = 0; r < content.records; ++r) {
    const std::vector<std::vector<float>>& values = windows.read(r);
    for (std::size_t i = 0; i < values.size(); ++i) {
      ranges[i].add(values[i]);
    }
  }
  std::vector<EdfScale> scales;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const EdfScale& scale = scales.emplace_back(ranges[i].scale());
    content.columns.push_back({label_of(info.leads[i]), unit_of(info.leads[i]), scale.physical_min,
                               scale.physical_max, std::to_string(scale.digital_min),
                               std::to_string(scale.digital_max), record.frames * info.samples_per_frame[i]});
  }
  content.columns.push_back(annotation_column(tals.fit(content.records, duration)));

  AtomicFile out(path);
  out.write(header_of(content, file));
  std::string bytes;
  for (std::int64_t r = 0; r < content.records; ++r) {
    const std::vector<std::vector<float>>& values = windows.read(r);
    bytes.clear();
    for (std::size_t i = 0; i < values.size(); ++i) {
      for (std::int64_t k = 0; k < content.columns[i].samples; ++k) {
        const float sample = k < std::ssize(values[i]) ? values[i][static_cast<std::size_t>(k)] : NAN;
        const auto digital = static_cast<std::uint16_t>(edf_digital(scales[i], sample));
        bytes += static_cast<char>(digital & 0xffU);
        bytes += static_cast<char>(digital >> 8);
      }
    }
    bytes += tals.annotations_of(r, duration);
    out.write(bytes);
  }
  out.commit();
}

void write_edf_annotations(const std::filesystem::path& path, double rate, const EdfStart& start,
                           std::span<const Annotation> annotations) {
  const std::string file = path.string();
  require(rate > 0 && std::isfinite(rate), "{}: annotations at {} Hz", file, rate);
  HeaderContent content;
  content.start = start_of(start);
  Tals tals(annotations, rate, content.start.fraction, file);
  const std::vector<std::string> records = tals.in_records_of(annotation_record);
  content.duration = "0";
  content.records = std::ssize(records);
  content.columns.push_back(annotation_column(records.front().size()));
  AtomicFile out(path);
  out.write(header_of(content, file));
  for (const std::string& record : records) {
    out.write(record);
  }
  out.commit();
}

}  // namespace sec::io
