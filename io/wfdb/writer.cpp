#include "io/wfdb/writer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "engine/error.h"
#include "io/recording/units.h"
#include "io/wfdb/formats.h"
#include "io/wfdb/header.h"

namespace sec::io {
namespace {

constexpr std::int64_t samples_at_once = 1 << 16;

// Calls visit(leads) for each block of the recording. The samples have type T.
template <typename T, typename Read, typename Visit>
void each_block(const ReaderInfo& info, const Read& read, const Visit& visit) {
  std::int64_t frame = 1;
  for (const int each : info.samples_per_frame) {
    frame += each;
  }
  // Blocks have an even number of frames, so that blocks in format 212 end with whole packs.
  const std::int64_t step = std::max<std::int64_t>(1, samples_at_once / frame / 2) * 2;
  std::vector<std::vector<T>> values(info.leads.size());
  std::vector<std::span<T>> spans(values.size());
  for (std::int64_t at = 0; at < info.samples; at += step) {
    const std::int64_t count = std::min(step, info.samples - at);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i].resize(static_cast<std::size_t>(count * info.samples_per_frame[i]));
      spans[i] = values[i];
    }
    read(at, count, std::span<const std::span<T>>(spans));
    visit(values);
  }
}

template <typename T>
struct Extremes {
  T low = std::numeric_limits<T>::max();
  T high = std::numeric_limits<T>::lowest();

  bool any() const { return low <= high; }
  void add(T value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

// The largest number of the form 1, 2 or 5 times a power of ten that is not above `bound`.
double round_gain(double bound) {
  const double power = std::pow(10, std::floor(std::log10(bound)));
  double gain = power;
  for (const double factor : {2.0, 5.0}) {
    gain = factor * power <= bound ? factor * power : gain;
  }
  return gain;
}

struct Scale {
  double gain = 200;  // adu per unit
  int baseline = 0;   // adu
};

// The scaling of a lead with the given range to whole numbers from -limit to limit.
Scale scale_of(const Extremes<float>& range, double limit) {
  if (!range.any() || (range.low == 0 && range.high == 0)) {
    return {};
  }
  const double middle = (static_cast<double>(range.low) + range.high) / 2;
  const double half = (static_cast<double>(range.high) - range.low) / 2;
  const double reach =
      std::max(std::abs(static_cast<double>(range.low)), std::abs(static_cast<double>(range.high)));
  if (reach > 8 * half && half > 0) {  // far from zero: the value 0 need not be representable
    const double gain = round_gain((limit - 1) / half);
    if (std::abs(middle * gain) < 1e9) {
      return {gain, static_cast<int>(-std::lround(middle * gain))};
    }
  }
  return {std::clamp(round_gain(limit / reach), 1e-9, 1e9), 0};
}

// A header's fields are separated by blanks, so blanks in a unit become underscores.
std::string one_word(std::string unit) {
  std::ranges::replace_if(
      unit, [](unsigned char c) { return c <= ' '; }, '_');
  return unit.empty() ? std::string(no_unit) : unit;
}

class Writer {
 public:
  Writer(FileGroup& files, const std::filesystem::path& record, RecordingReader& source, int format)
      : files_(files), record_(record), source_(source), format_(format), limit_(-(invalid_in(format) + 1)) {
    const ReaderInfo& info = source.info();
    header_.name = record.filename().string();
    header_.rate = info.rate;
    header_.samples = info.samples;
    header_.base_time = info.start_time;
    header_.base_date =
        info.start_time.empty() ? "" : info.start_date;  // a header has no date without a time
    header_.comments = info.comments;
    header_.width = info.leads.size();
    for (std::size_t i = 0; i < info.leads.size(); ++i) {
      const Lead& lead = info.leads[i];
      WfdbSignal& signal = header_.signals.emplace_back();
      signal.file = header_.name + ".dat";
      signal.format = format;
      signal.samples_per_frame = info.samples_per_frame[i];
      signal.gain = lead.gain;
      signal.baseline = lead.baseline;
      signal.units = one_word(lead.units);
      signal.resolution = lead.resolution;
      signal.description = lead.name;
    }
  }

  void write() {
    if (keeps_numbers()) {
      write_samples<std::int32_t>(
          [&](auto at, auto count, auto leads) { source_.read_digital(at, count, leads); },
          [&](std::size_t, std::int32_t value) {
            return value == invalid_sample ? invalid_in(format_) : value;
          });
      return;
    }
    std::vector<Extremes<float>> ranges(header_.signals.size());
    const auto read = [&](auto at, auto count, auto leads) { source_.read(at, count, leads); };
    each_block<float>(source_.info(), read, [&](const auto& leads) {
      for (std::size_t i = 0; i < leads.size(); ++i) {
        for (const float value : leads[i]) {
          if (!std::isnan(value)) {
            ranges[i].add(value);
          }
        }
      }
    });
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      const Scale scale = scale_of(ranges[i], limit_);
      header_.signals[i].gain = scale.gain;
      header_.signals[i].baseline = scale.baseline;
      header_.signals[i].resolution = format_ == 212 ? 12 : format_;
    }
    write_samples<float>(read, [&](std::size_t i, float value) {
      const WfdbSignal& s = header_.signals[i];
      const double number = static_cast<double>(value) * s.gain + s.baseline;
      return std::isnan(value) ? invalid_in(format_)
                               : static_cast<std::int32_t>(std::lround(std::clamp(
                                     number, -static_cast<double>(limit_), static_cast<double>(limit_))));
    });
  }

 private:
  // True if the source has digital values and all of them fit the format.
  bool keeps_numbers() {
    bool fits = true;
    try {
      const auto read = [&](auto at, auto count, auto leads) { source_.read_digital(at, count, leads); };
      each_block<std::int32_t>(source_.info(), read, [&](const auto& leads) {
        for (const std::vector<std::int32_t>& lead : leads) {
          fits = fits && std::ranges::all_of(lead, [&](std::int32_t value) {
                   return value == invalid_sample || (value >= -limit_ && value <= limit_);
                 });
        }
      });
    } catch (const Error&) {
      return false;  // no digital values; damaged samples fail again in the physical reading
    }
    return fits;
  }

  // number(lead, value) is the digital value to write.
  template <typename T, typename Read, typename Number>
  void write_samples(const Read& read, const Number& number) {
    std::vector<std::uint32_t> sums(header_.signals.size());
    AtomicFile& out = files_.add(record_.string() + ".dat");
    std::vector<std::int32_t> flat;
    std::string bytes;
    bool first = true;
    each_block<T>(source_.info(), read, [&](const std::vector<std::vector<T>>& leads) {
      flat.clear();
      const std::size_t frames = leads.front().size() / header_.signals.front().samples_per_frame;
      for (std::size_t frame = 0; frame < frames; ++frame) {
        for (std::size_t i = 0; i < leads.size(); ++i) {
          const std::size_t each = header_.signals[i].samples_per_frame;
          for (std::size_t k = 0; k < each; ++k) {
            flat.push_back(number(i, leads[i][frame * each + k]));
            sums[i] += static_cast<std::uint32_t>(flat.back());
            if (first && frame == 0 && k == 0) {
              header_.signals[i].initial = flat.back();
            }
          }
        }
      }
      first = false;
      bytes.clear();
      pack(format_, flat, bytes);
      out.write(bytes);
    });
    for (std::size_t i = 0; i < sums.size(); ++i) {
      header_.signals[i].checksum = static_cast<std::int16_t>(sums[i] & 0xffffU);
    }
    files_.head(record_.string() + ".hea").write(wfdb_header_text(header_));
  }

  FileGroup& files_;
  std::filesystem::path record_;
  RecordingReader& source_;
  int format_;
  std::int32_t limit_;
  WfdbHeader header_;
};

}  // namespace

void write_wfdb(FileGroup& files, const std::filesystem::path& record, RecordingReader& source, int format) {
  require(format == 16 || format == 24 || format == 212,
          "{}: WFDB format {} cannot be written, expected 16, 24 or 212", record.string(), format);
  const ReaderInfo& info = source.info();
  require(!info.leads.empty() && info.samples > 0, "{}: no samples to write", info.name);
  Writer(files, record, source, format).write();
}

void write_wfdb(const std::filesystem::path& record, RecordingReader& source, int format) {
  FileGroup files;
  write_wfdb(files, record, source, format);
  files.commit();
}

}  // namespace sec::io
