// Single-segment WFDB records: all signal formats, several signal files, several samples per frame, skew.
#include "io/wfdb/reader.h"

#include <algorithm>
#include <limits>
#include <map>

#include "engine/error.h"
#include "io/wfdb/annotation.h"
#include "io/wfdb/formats.h"
#include "io/wfdb/source.h"

namespace sec::io {
namespace {

namespace fs = std::filesystem;

// The position of a signal within the frames of its file.
struct FileSignal {
  std::size_t signal = 0;
  std::int64_t at = 0;  // samples of other signals before it in a frame
};

struct SignalFile {
  SourceLayout layout;
  std::vector<FileSignal> members;
  std::int64_t skew = 0;  // largest skew of its signals
  std::unique_ptr<SampleSource> source;

  std::int64_t frames_at_once() const {
    constexpr std::int64_t samples_at_once = 1 << 16;
    return std::max<std::int64_t>(1, samples_at_once / layout.frame);
  }
};

constexpr std::int64_t largest_frame = 1 << 20;

class WfdbReader final : public RecordingReader {
 public:
  WfdbReader(const fs::path& folder, WfdbHeader header)
      : record_((folder / header.name).string()), header_(std::move(header)) {
    info_.name = header_.name;
    info_.rate = header_.rate;
    info_.start_time = header_.base_time;
    info_.start_date = header_.base_date;
    info_.comments = header_.comments;
    for (const WfdbSignal& signal : header_.signals) {
      info_.leads.push_back(lead_of(signal));
      info_.samples_per_frame.push_back(signal.samples_per_frame);
    }
    gather_files(folder);
    // If the header states no length, the shortest file determines the length.
    std::int64_t least = header_.samples > 0 || files_.empty() ? header_.samples : INT64_MAX;
    for (SignalFile& file : files_) {
      file.source = open_source(file.layout);
      const std::int64_t found = file.source->frames();
      require(header_.samples <= found, "{}: truncated: {} samples per signal expected, {} found",
              file.layout.path.string(), header_.samples, found);
      least = std::min(least, found);
    }
    info_.samples = least;
    for (const int each : info_.samples_per_frame) {
      require(info_.samples <= INT64_MAX / each, "{}.hea: {} frames of {} samples are too many to count",
              record_, info_.samples, each);
    }
  }

  const ReaderInfo& info() const override { return info_; }

  void read(std::int64_t begin, std::int64_t count, std::span<const std::span<float>> leads) override {
    read_window(begin, count, leads, std::numeric_limits<float>::quiet_NaN(),
                [this](std::size_t signal, std::int32_t value) {
                  const Lead& lead = info_.leads[signal];
                  return static_cast<float>((value - static_cast<double>(lead.baseline)) / lead.gain);
                });
  }

  void read_digital(std::int64_t begin, std::int64_t count,
                    std::span<const std::span<std::int32_t>> leads) override {
    read_window(begin, count, leads, invalid_sample,
                [](std::size_t /*signal*/, std::int32_t value) { return value; });
  }

  std::vector<std::string> verify() override {
    std::vector<std::string> warnings;
    for (SignalFile& file : files_) {
      verify_file(file, warnings);
    }
    return warnings;
  }

  std::vector<Annotation> annotations() override {
    const fs::path path = record_ + ".atr";
    return fs::exists(path) ? read_annotations(path, info_.rate) : std::vector<Annotation>{};
  }

 private:
  void gather_files(const fs::path& folder) {
    std::map<std::string, std::size_t> index;
    for (std::size_t i = 0; i < header_.signals.size(); ++i) {
      const WfdbSignal& s = header_.signals[i];
      if (s.format == 0) {
        continue;  // a signal without samples
      }
      const auto [at, fresh] = index.try_emplace(s.file, files_.size());
      if (fresh) {
        SourceLayout& layout = files_.emplace_back().layout;
        layout.path = folder / s.file;
        layout.format = s.format;
        layout.offset = s.byte_offset;
      }
      SignalFile& file = files_[at->second];
      file.members.push_back({i, file.layout.frame});
      require(file.layout.format == s.format && file.layout.offset == s.byte_offset,
              "{}.hea: signals {} and {} share {} but differ in format or byte offset", record_,
              file.members.front().signal, i, s.file);
      file.layout.samples_per_frame.push_back(s.samples_per_frame);
      file.layout.initial.push_back(s.initial.value_or(0));
      file.layout.frame += s.samples_per_frame;
      file.skew = std::max<std::int64_t>(file.skew, s.skew);
      require(file.layout.frame <= largest_frame, "{}.hea: frames of more than {} samples", record_,
              largest_frame);
    }
  }

  // convert(signal, adu) converts a valid sample to the requested type.
  template <typename T, typename Convert>
  void read_window(std::int64_t begin, std::int64_t count, std::span<const std::span<T>> leads, T invalid,
                   const Convert& convert) {
    require_window(info_, record_, begin, count, leads);
    for (const std::span<T> lead : leads) {
      std::ranges::fill(lead, invalid);
    }
    for (SignalFile& file : files_) {
      if (std::ranges::all_of(file.members, [&](const FileSignal& m) { return leads[m.signal].empty(); })) {
        continue;
      }
      // Skewed signals are delayed in the file, so reading continues after the window.
      // Samples past the end of the record are invalid.
      const std::int64_t end = std::min(begin + count + file.skew, info_.samples);
      const std::int64_t step = file.frames_at_once();
      for (std::int64_t at = begin; at < end; at += step) {
        const std::int64_t frames = std::min(step, end - at);
        samples_.resize(static_cast<std::size_t>(frames * file.layout.frame));
        file.source->read(at, samples_);
        for (const FileSignal& member : file.members) {
          if (!leads[member.signal].empty()) {
            copy_signal(file, member, at - begin, frames, count, leads[member.signal], convert);
          }
        }
      }
    }
  }

  // Copies one signal out of samples_, whose first frame is frame `at` of the window.
  template <typename T, typename Convert>
  void copy_signal(const SignalFile& file, const FileSignal& member, std::int64_t at, std::int64_t frames,
                   std::int64_t count, std::span<T> lead, const Convert& convert) const {
    const WfdbSignal& s = header_.signals[member.signal];
    const std::int32_t none = invalid_in(s.format);
    const std::int64_t shift = at - s.skew;
    const std::int64_t end = std::min(frames, count - shift);
    for (std::int64_t f = std::max<std::int64_t>(0, -shift); f < end; ++f) {
      const std::int32_t* from = samples_.data() + f * file.layout.frame + member.at;
      T* to = lead.data() + (shift + f) * s.samples_per_frame;
      for (int k = 0; k < s.samples_per_frame; ++k) {
        if (from[k] != none) {
          to[k] = convert(member.signal, from[k]);
        }
      }
    }
  }

  // Checksums cover all samples as stored in the file, without correction for skew.
  // Some writers state an initial value of 0 for a signal that begins with invalid samples.
  void verify_file(SignalFile& file, std::vector<std::string>& warnings) {
    const std::int64_t frames = header_.samples > 0 ? header_.samples : file.source->frames();
    const std::int64_t step = file.frames_at_once();
    std::vector<std::uint32_t> sums(file.members.size());
    for (std::int64_t at = 0; at < frames; at += step) {
      samples_.resize(static_cast<std::size_t>(std::min(step, frames - at) * file.layout.frame));
      file.source->read(at, samples_);
      for (std::size_t m = 0; m < sums.size(); ++m) {
        const FileSignal& member = file.members[m];
        const WfdbSignal& s = header_.signals[member.signal];
        const std::int32_t first = samples_[static_cast<std::size_t>(member.at)];
        require(at > 0 || !s.initial || s.format == 8 || first == *s.initial || first == invalid_in(s.format),
                "{}: signal {} ({}): first sample is {}, the header says {}", file.layout.path.string(),
                member.signal, s.description, first, s.initial.value_or(0));
        for (std::size_t f = member.at; f < samples_.size(); f += file.layout.frame) {
          for (int k = 0; k < s.samples_per_frame; ++k) {
            sums[m] += static_cast<std::uint32_t>(samples_[f + k]);
          }
        }
      }
    }
    for (std::size_t m = 0; m < sums.size(); ++m) {
      const std::size_t signal = file.members[m].signal;
      const WfdbSignal& s = header_.signals[signal];
      const auto expected = static_cast<std::uint32_t>(s.checksum.value_or(0)) & 0xffffU;
      if (s.checksum && expected == 0 && (sums[m] & 0xffffU) != 0) {
        warnings.push_back(
            fmt::format("{}: signal {} ({}): the header's checksum is 0, a placeholder: samples not verified",
                        file.layout.path.string(), signal, s.description));
        continue;
      }
      require(!s.checksum || (sums[m] & 0xffffU) == expected,
              "{}: signal {} ({}): checksum of the samples is {}, the header says {}",
              file.layout.path.string(), signal, s.description, static_cast<std::int16_t>(sums[m]),
              static_cast<std::int16_t>(expected));
    }
  }

  std::string record_;
  WfdbHeader header_;
  ReaderInfo info_;
  std::vector<SignalFile> files_;
  std::vector<std::int32_t> samples_;  // the samples read last from a file
};

}  // namespace

std::unique_ptr<RecordingReader> open_wfdb_single(const fs::path& folder, WfdbHeader header) {
  return std::make_unique<WfdbReader>(folder, std::move(header));
}

fs::path wfdb_signal_folder(const fs::path& file, const WfdbHeader& header) {
  const std::string first = !header.segments.empty() ? header.segments.back().name + ".hea"
                            : header.signals.empty() ? ""
                                                     : header.signals.front().file;
  std::error_code none;
  const bool is_elsewhere = fs::is_symlink(file, none) && !fs::exists(file.parent_path() / first, none);
  const fs::path target = is_elsewhere ? fs::canonical(file, none) : file;
  return target.empty() ? file.parent_path() : target.parent_path();
}

std::unique_ptr<RecordingReader> open_wfdb(const fs::path& path) {
  fs::path file = path;
  if (file.extension() != ".hea") {
    file += ".hea";
  }
  WfdbHeader header = read_wfdb_header(file);
  header.name = file.stem().string();  // a record is known by the name of its header file
  const fs::path folder = wfdb_signal_folder(file, header);
  return header.segments.empty() ? open_wfdb_single(folder, std::move(header))
                                 : open_wfdb_segments(folder, header);
}

}  // namespace sec::io
