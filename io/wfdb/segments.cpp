// Multi-segment WFDB records, whose segments follow each other in time.
// In a fixed layout, all segments have the same signals.
// In a variable layout, the first segment has no samples and lists all signals;
// every other segment has some of them. Gaps, and leads that a segment lacks, are invalid samples.
#include <algorithm>
#include <limits>
#include <map>
#include <system_error>

#include "engine/error.h"
#include "io/wfdb/annotation.h"
#include "io/wfdb/reader.h"

namespace sec::io {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t absent = std::numeric_limits<std::size_t>::max();

// A record that is used as one or more segments.
struct SegmentRecord {
  std::string name;
  std::vector<std::size_t> place;  // per lead of the whole record: its index in the segment, or `absent`
};

struct Segment {
  std::int64_t begin = 0;
  std::int64_t samples = 0;
  const SegmentRecord* record = nullptr;  // nullptr: a gap
};

class SegmentsReader final : public RecordingReader {
 public:
  SegmentsReader(const fs::path& folder, const WfdbHeader& header)
      : folder_(folder), record_((folder / header.name).string()) {
    info_.name = header.name;
    info_.rate = header.rate;
    info_.samples = header.samples;
    info_.start_time = header.base_time;
    info_.start_date = header.base_date;
    info_.comments = header.comments;
    const bool variable = header.segments.front().samples == 0 && !header.segments.front().is_gap();
    if (variable) {
      set_layout(header.segments.front().name, header.width);
    }
    std::int64_t begin = 0;
    for (std::size_t i = variable ? 1 : 0; i < header.segments.size(); ++i) {
      const WfdbSegment& segment = header.segments[i];
      const SegmentRecord* record =
          segment.is_gap() ? nullptr : &find_record(segment, header.width, variable);
      segments_.push_back({begin, segment.samples, record});
      begin += segment.samples;
    }
    require(info_.leads.size() == header.width, "{}.hea: no segment defines the signals", record_);
    for (const int each : info_.samples_per_frame) {
      require(info_.samples <= INT64_MAX / each, "{}.hea: {} frames of {} samples are too many to count",
              record_, info_.samples, each);
    }
    settle_units();
    close();
  }

  const ReaderInfo& info() const override { return info_; }

  void read(std::int64_t begin, std::int64_t count, std::span<const std::span<float>> leads) override {
    read_window(begin, count, leads, std::numeric_limits<float>::quiet_NaN(),
                [](RecordingReader& reader, std::int64_t at, std::int64_t frames,
                   std::span<const std::span<float>> spans) { reader.read(at, frames, spans); });
  }

  void read_digital(std::int64_t begin, std::int64_t count,
                    std::span<const std::span<std::int32_t>> leads) override {
    for (std::size_t i = 0; i < std::min(leads.size(), used_.size()); ++i) {
      require(
          leads[i].empty() || !used_[i].differ,
          "{}: lead {} has different gains or baselines in its segments; its samples can be read only in {}",
          record_, info_.leads[i].name, info_.leads[i].units);
    }
    read_window(
        begin, count, leads, invalid_sample,
        [](RecordingReader& reader, std::int64_t at, std::int64_t frames,
           std::span<const std::span<std::int32_t>> spans) { reader.read_digital(at, frames, spans); });
  }

  std::vector<std::string> verify() override {
    std::vector<std::string> warnings;
    for (const auto& [name, record] : segment_records_) {
      const std::vector<std::string> more = open(record).verify();
      warnings.insert(warnings.end(), more.begin(), more.end());
    }
    return warnings;
  }

  std::vector<Annotation> annotations() override {
    const fs::path path = record_ + ".atr";
    return fs::exists(path) ? read_annotations(path, info_.rate) : std::vector<Annotation>{};
  }

 private:
  // The scaling of a lead in the segments that have it.
  struct Use {
    bool any = false;
    bool differ = false;
    Lead lead;
  };

  WfdbHeader header_of(const std::string& name) const {
    const fs::path file = folder_ / (name + ".hea");
    std::error_code reason;
    require(fs::exists(file, reason), "{}.hea: segment {} is missing: there is no {}", record_, name,
            file.string());
    WfdbHeader header = read_wfdb_header(file);
    require(header.segments.empty(), "{}.hea: segment {} is itself a multi-segment record", record_, name);
    require(header.rate == info_.rate, "{}.hea: {} Hz, but segment {} has {} Hz", record_, info_.rate, name,
            header.rate);
    header.name = name;
    return header;
  }

  void set_leads(const ReaderInfo& of) {
    info_.leads = of.leads;
    info_.samples_per_frame = of.samples_per_frame;
    used_.resize(info_.leads.size());
  }

  void set_layout(const std::string& name, std::size_t width) {
    const WfdbHeader header = header_of(name);
    require(header.signals.size() == width, "{}.hea: {} signals expected, the layout {} has {}", record_,
            width, name, header.signals.size());
    ReaderInfo info;
    for (const WfdbSignal& signal : header.signals) {
      info.leads.push_back(lead_of(signal));
      info.samples_per_frame.push_back(signal.samples_per_frame);
    }
    set_leads(info);
  }

  // Opens a segment's record and checks that it matches the whole record.
  // Segments of the same name share one record.
  const SegmentRecord& find_record(const WfdbSegment& segment, std::size_t width, bool variable) {
    const auto known = segment_records_.find(segment.name);
    if (known == segment_records_.end()) {
      SegmentRecord record{segment.name, {}};
      const ReaderInfo& info = open(record).info();
      if (info_.leads.empty()) {
        require(info.leads.size() == width, "{}.hea: {} signals expected, segment {} has {}", record_, width,
                segment.name, info.leads.size());
        set_leads(info);
      }
      record.place = places(info, segment.name, variable);
      segment_records_.emplace(segment.name, std::move(record));
    }
    const SegmentRecord& record = segment_records_.at(segment.name);
    const std::int64_t found = open(record).info().samples;
    require(segment.samples <= found, "{}.hea: {} samples of segment {} expected, it has {}", record_,
            segment.samples, segment.name, found);
    return record;
  }

  std::vector<std::size_t> places(const ReaderInfo& segment, const std::string& name, bool variable) {
    std::vector<std::size_t> place(info_.leads.size(), absent);
    require(variable || segment.leads.size() == info_.leads.size(),
            "{}.hea: segment {} has {} signals, the previous segment has {}", record_, name,
            segment.leads.size(), info_.leads.size());
    for (std::size_t s = 0; s < segment.leads.size(); ++s) {
      const Lead& lead = segment.leads[s];
      std::size_t at = s;
      if (variable) {  // leads of equal name are matched in order
        for (at = 0; at < place.size() && (info_.leads[at].name != lead.name || place[at] != absent);) {
          ++at;
        }
        require(at < place.size(), "{}.hea: segment {} has a signal '{}' that the layout lacks", record_,
                name, lead.name);
      }
      require(info_.leads[at].name == lead.name && info_.leads[at].units == lead.units &&
                  info_.samples_per_frame[at] == segment.samples_per_frame[s],
              "{}.hea: segment {}: signal {} is {} in {}, {} per frame; expected {} in {}, {} per frame",
              record_, name, s, lead.name, lead.units, segment.samples_per_frame[s], info_.leads[at].name,
              info_.leads[at].units, info_.samples_per_frame[at]);
      place[at] = s;
      Use& use = used_[at];
      use.differ =
          use.differ || (use.any && (use.lead.gain != lead.gain || use.lead.baseline != lead.baseline));
      use.any = true;
      use.lead = lead;
    }
    return place;
  }

  // A lead gets the gain and baseline of its segments if they agree; otherwise those of the layout remain.
  void settle_units() {
    for (std::size_t i = 0; i < used_.size(); ++i) {
      if (used_[i].any && !used_[i].differ) {
        info_.leads[i] = used_[i].lead;
      }
    }
  }

  // The reader of a segment. Only the last one used stays open.
  RecordingReader& open(const SegmentRecord& record) {
    if (open_ == nullptr || open_name_ != record.name) {
      close();
      open_ = open_wfdb_single(folder_, header_of(record.name));
      open_name_ = record.name;
    }
    return *open_;
  }
  void close() { open_.reset(); }

  template <typename T, typename Read>
  void read_window(std::int64_t begin, std::int64_t count, std::span<const std::span<T>> leads, T invalid,
                   const Read& read_segment) {
    require_window(info_, record_, begin, count, leads);
    for (const std::span<T> lead : leads) {
      std::ranges::fill(lead, invalid);
    }
    const std::int64_t end = begin + count;
    auto segment = std::ranges::upper_bound(segments_, begin, {}, &Segment::begin);
    segment -= segment == segments_.begin() ? 0 : 1;
    for (; segment != segments_.end() && segment->begin < end; ++segment) {
      const std::int64_t from = std::max(begin, segment->begin);
      const std::int64_t frames = std::min(end, segment->begin + segment->samples) - from;
      if (segment->record == nullptr || frames <= 0) {
        continue;
      }
      RecordingReader& reader = open(*segment->record);
      std::vector<std::span<T>> spans(reader.info().leads.size());
      for (std::size_t i = 0; i < leads.size(); ++i) {
        const std::size_t place = segment->record->place[i];
        if (!leads[i].empty() && place != absent) {
          spans[place] =
              leads[i].subspan(static_cast<std::size_t>((from - begin) * info_.samples_per_frame[i]),
                               static_cast<std::size_t>(frames * info_.samples_per_frame[i]));
        }
      }
      read_segment(reader, from - segment->begin, frames, spans);
    }
  }

  fs::path folder_;
  std::string record_;
  ReaderInfo info_;
  std::map<std::string, SegmentRecord> segment_records_;
  std::vector<Segment> segments_;
  std::vector<Use> used_;  // by lead
  std::unique_ptr<RecordingReader> open_;
  std::string open_name_;
};

}  // namespace

std::unique_ptr<RecordingReader> open_wfdb_segments(const fs::path& folder, const WfdbHeader& header) {
  return std::make_unique<SegmentsReader>(folder, header);
}

}  // namespace sec::io
