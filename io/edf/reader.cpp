#include "io/edf/reader.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "engine/error.h"
#include "io/edf/annotation.h"
#include "io/edf/header.h"
#include "io/files/random_file.h"
#include "io/recording/lead_names.h"
#include "io/recording/units.h"

namespace sec::io {
namespace {

constexpr double rate_without_signals = 1000;  // Hz
constexpr std::int64_t samples_at_once = 1 << 16;
constexpr int no_sample = -32768;
constexpr std::string_view comment_mark = "# ";

// The rest of an EDF+ recording field after "Startdate 02-MAR-2002".
std::string without_date(const std::string& recording) {
  constexpr std::string_view word = "Startdate ";
  if (!recording.starts_with(word)) {
    return recording;
  }
  const std::size_t end = recording.find(' ', word.size());
  return end == std::string::npos ? "" : recording.substr(end + 1);
}

class EdfReader final : public RecordingReader {
 public:
  explicit EdfReader(const std::filesystem::path& path) : file_(path), header_(read_edf_header(file_)) {
    info_.name = path.stem().string();
    info_.start_time = header_.start_time;
    info_.start_date = header_.start_date;
    add_leads();
    place_records();
    add_comments();
    leave_out_padding();
  }

  const ReaderInfo& info() const override { return info_; }

  void read(std::int64_t begin, std::int64_t count, std::span<const std::span<float>> leads) override {
    read_window(
        begin, count, leads, std::numeric_limits<float>::quiet_NaN(),
        [](const Scale& scale, int value) { return static_cast<float>((value - scale.zero) / scale.gain); });
  }

  void read_digital(std::int64_t begin, std::int64_t count,
                    std::span<const std::span<std::int32_t>> leads) override {
    read_window(begin, count, leads, invalid_sample, [](const Scale&, int value) { return value; });
  }

  std::vector<Annotation> annotations() override {
    const double rate = annotation_rate(info_);
    std::vector<Annotation> annotations;
    for (std::int64_t record = 0; record < header_.records && has_annotations_; ++record) {
      for (const EdfEvent& event : events_of(record).events) {
        const double sample = std::round((event.onset - first_onset_) * rate);
        if (sample >= 0 && !is_comment(event)) {
          annotations.push_back(annotation_of_edf_text(event.text));
          annotations.back().sample = static_cast<std::int64_t>(sample);
          annotations.back().duration = event.duration;
        }
      }
    }
    std::ranges::stable_sort(annotations, {}, &Annotation::sample);
    return annotations;
  }

 private:
  struct Scale {
    std::size_t signal;  // index in the header
    double gain;         // digital units per mV, or per physical unit if the signal is not a voltage
    double zero;         // digital value of 0 physical units
  };

  std::string name() const { return file_.path().string(); }

  void add_leads() {
    for (std::size_t i = 0; i < header_.signals.size(); ++i) {
      const EdfSignal& signal = header_.signals[i];
      if (signal.is_annotation) {
        has_annotations_ = true;
        continue;
      }
      if (!signal.unused.empty()) {
        info_.left_out.push_back(fmt::format("signal {} ({}): {}", i, signal.label, signal.unused));
        continue;
      }
      frames_ = std::gcd(frames_, signal.samples);
      const double millivolts = millivolts_per(signal.units);
      const double unit = millivolts > 0 ? millivolts : 1;
      const double gain =
          (signal.digital_max - signal.digital_min) / (signal.physical_max - signal.physical_min) / unit;
      const double zero = signal.digital_min - signal.physical_min * unit * gain;
      require(std::isfinite(gain) && gain != 0 && std::abs(zero) < 1e15,
              "{}: header: signal {} ({}): physical range from {} to {}", name(), i, signal.label,
              signal.physical_min, signal.physical_max);
      const double rounded = std::round(zero);
      scales_.push_back({i, gain, std::abs(zero - rounded) < 1e-4 ? rounded : zero});
      Lead lead;
      lead.name = without_signal_type(signal.label);
      lead.units = millivolts > 0 ? "mV" : signal.units.empty() ? std::string(no_unit) : signal.units;
      lead.gain = gain;
      lead.baseline = static_cast<int>(std::clamp(rounded, -2147483648.0, 2147483647.0));
      lead.resolution = 16;
      info_.leads.push_back(std::move(lead));
    }
    info_.rate = rate_without_signals;
    if (scales_.empty()) {
      require(has_annotations_, "{}: neither signals nor annotations{}{}", name(),
              info_.left_out.empty() ? "" : "; ", info_.left_out.empty() ? "" : info_.left_out.front());
      return;
    }
    info_.rate = static_cast<double>(frames_) / header_.duration;
    require_rate(info_.rate, fmt::format("{}: header: records of {} frames that last {} s each", name(),
                                         frames_, header_.duration));
    std::int64_t most = 1;
    for (const Scale& scale : scales_) {
      const std::int64_t each = header_.signals[scale.signal].samples / frames_;
      require_rate(info_.rate * static_cast<double>(each),
                   fmt::format("{}: header: signal {}", name(), scale.signal + 1));
      info_.samples_per_frame.push_back(static_cast<int>(each));
      most = std::max(most, each);
    }
    info_.annotation_rate = info_.rate * static_cast<double>(most);
  }

  // Finds the time at which each data record begins. Records are contiguous except in EDF+D files.
  // The annotations of an EDF+D file state each record's time.
  void place_records() {
    if (has_annotations_ && header_.records > 0) {
      const EdfRecordEvents first = events_of(0);
      require(first.has_onset || !header_.gaps, "{}: record 0 does not state when it begins", name());
      first_onset_ = first.onset;
      if (first_onset_ > 0 && first_onset_ < 1 && !info_.start_time.empty()) {
        info_.start_time += edf_onset(first_onset_).substr(2);  // the fraction of a second in "+0.25"
      }
    }
    if (scales_.empty()) {
      return;
    }
    info_.samples = header_.records * frames_;
    if (!header_.gaps) {
      return;
    }
    require(has_annotations_, "{}: an EDF+D file without an annotation signal", name());
    std::int64_t next = 0;
    for (std::int64_t record = 0; record < header_.records; ++record) {
      const EdfRecordEvents events = events_of(record);
      require(events.has_onset, "{}: record {} does not state when it begins", name(), record);
      const double place = std::round((events.onset - first_onset_) * info_.rate);
      require(place < 0x1p52 && place > static_cast<double>(next) - 1.5,
              "{}: record {} begins at {} s, before the end of the previous record", name(), record,
              events.onset);
      next = std::max(next, static_cast<std::int64_t>(place));
      places_.push_back(next);
      next += frames_;
    }
    info_.samples = next;
  }

  // Collects comments. EDF has no field for them, so this library stores them as the first annotations.
  void add_comments() {
    const auto add = [&](const char* what, const std::string& text) {
      if (text.find_first_not_of("X ") != std::string::npos) {
        info_.comments.push_back(fmt::format("{}: {}", what, text));
      }
    };
    add("patient", header_.patient);
    add("recording", without_date(header_.recording));
    bool more = has_annotations_;
    for (std::int64_t record = 0; record < header_.records && more; ++record) {
      more = false;
      for (const EdfEvent& event : events_of(record).events) {
        if (is_comment(event)) {
          info_.comments.push_back(event.text.substr(comment_mark.size()));
          more = true;
        }
      }
    }
  }

  bool is_comment(const EdfEvent& event) const {
    return event.text.starts_with(comment_mark) && event.onset == first_onset_;
  }

  void leave_out_padding() {
    const bool padded = std::ranges::all_of(
        scales_, [&](const Scale& scale) { return header_.signals[scale.signal].digital_min > no_sample; });
    if (!padded || scales_.empty() || header_.records == 0) {
      return;
    }
    std::int64_t used = 0;  // number of frames that are used in the last record
    for (std::size_t lead = 0; lead < scales_.size(); ++lead) {
      const std::int64_t each = info_.samples_per_frame[lead];
      std::vector<std::int32_t> samples;
      for (std::int64_t end = frames_ * each; end > used * each;) {
        const std::int64_t begin = std::max<std::int64_t>(used * each, end - samples_at_once);
        samples.resize(static_cast<std::size_t>(end - begin));
        read_samples(header_.records - 1, lead, begin, std::span(samples), invalid_sample,
                     [](const Scale&, int value) { return value; });
        const auto valid = std::find_if(samples.rbegin(), samples.rend(),
                                        [](std::int32_t value) { return value != invalid_sample; });
        if (valid != samples.rend()) {
          used = (begin + (samples.rend() - valid) + each - 1) / each;
          break;
        }
        end = begin;
      }
    }
    info_.samples -= frames_ - used;
  }

  // The data record that contains a frame; for a frame in a time gap, the last record before it.
  std::int64_t record_at(std::int64_t frame) const {
    if (places_.empty()) {
      return frame / frames_;
    }
    const auto after = std::ranges::upper_bound(places_, frame);
    return std::max<std::int64_t>(0, after - places_.begin() - 1);
  }

  std::int64_t place_of(std::int64_t record) const {
    return places_.empty() ? record * frames_ : places_[static_cast<std::size_t>(record)];
  }

  // Fills the leads' windows with physical(scale, digital value), or `invalid` where no sample is valid.
  template <typename T, typename Physical>
  void read_window(std::int64_t begin, std::int64_t count, std::span<const std::span<T>> leads, T invalid,
                   const Physical& physical) {
    require_window(info_, name(), begin, count, leads);
    for (const std::span<T> lead : leads) {
      std::ranges::fill(lead, invalid);
    }
    const std::int64_t end = begin + count;
    for (std::int64_t record = count > 0 ? record_at(begin) : header_.records; record < header_.records;
         ++record) {
      const std::int64_t place = place_of(record);
      const std::int64_t from = std::max(begin, place);
      const std::int64_t to = std::min(end, place + frames_);
      if (place >= end) {
        break;
      }
      for (std::size_t lead = 0; lead < leads.size() && from < to; ++lead) {
        if (!leads[lead].empty()) {
          const std::int64_t each = info_.samples_per_frame[lead];
          read_samples(record, lead, (from - place) * each,
                       leads[lead].subspan(static_cast<std::size_t>((from - begin) * each),
                                           static_cast<std::size_t>((to - from) * each)),
                       invalid, physical);
        }
      }
    }
  }

  // Reads samples of one data record, starting at sample number `first`.
  template <typename T, typename Physical>
  void read_samples(std::int64_t record, std::size_t lead, std::int64_t first, std::span<T> out, T invalid,
                    const Physical& physical) {
    const Scale& scale = scales_[lead];
    const EdfSignal& signal = header_.signals[scale.signal];
    std::int64_t at = header_.bytes + record * header_.record_bytes + signal.offset + 2 * first;
    while (!out.empty()) {
      const std::size_t count = std::min<std::size_t>(out.size(), samples_at_once);
      bytes_.resize(2 * count);
      file_.read(at, bytes_);
      for (std::size_t i = 0; i < count; ++i) {
        const auto low = static_cast<unsigned char>(bytes_[2 * i]);
        const auto high = static_cast<unsigned char>(bytes_[2 * i + 1]);
        const int value = static_cast<std::int16_t>(low | high << 8);
        out[i] = value == no_sample && signal.digital_min > no_sample ? invalid : physical(scale, value);
      }
      at += std::ssize(bytes_);
      out = out.subspan(count);
    }
  }

  EdfRecordEvents events_of(std::int64_t record) const {
    EdfRecordEvents events;
    std::string bytes;
    for (const EdfSignal& signal : header_.signals) {
      if (signal.is_annotation) {
        bytes.resize(static_cast<std::size_t>(2 * signal.samples));
        file_.read(header_.bytes + record * header_.record_bytes + signal.offset, bytes);
        parse_edf_events(bytes, name(), record, events);
      }
    }
    return events;
  }

  RandomFile file_;
  EdfHeader header_;
  ReaderInfo info_;
  std::vector<Scale> scales_;         // per lead
  std::vector<std::int64_t> places_;  // first frame of each record; empty if records are contiguous
  std::int64_t frames_ = 0;           // frames per data record
  double first_onset_ = 0;            // s after the header's start time
  bool has_annotations_ = false;
  std::string bytes_;
};

}  // namespace

std::unique_ptr<RecordingReader> open_edf(const std::filesystem::path& path) {
  return std::make_unique<EdfReader>(path);
}

}  // namespace sec::io
