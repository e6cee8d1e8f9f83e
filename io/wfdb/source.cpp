#include "io/wfdb/source.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "engine/error.h"
#include "io/wfdb/formats.h"

namespace sec::io {
namespace {

namespace fs = std::filesystem;

// All formats except FLAC: the file position of each sample can be computed.
class PackedSource : public SampleSource {
 public:
  explicit PackedSource(SourceLayout layout) : layout_(std::move(layout)) {
    const auto size = static_cast<std::int64_t>(fs::file_size(layout_.path));
    require(layout_.offset <= size, "{}: {} bytes, but its samples begin at byte {}", layout_.path.string(),
            size, layout_.offset);
    frames_ = samples_in(layout_.format, size - layout_.offset) / layout_.frame;
    stream_.open(layout_.path, std::ios::binary);
    require(stream_.is_open(), "{}: cannot open: {}", layout_.path.string(), std::strerror(errno));
  }

  std::int64_t frames() const override { return frames_; }

  void read(std::int64_t first, std::span<std::int32_t> samples) override {
    if (samples.empty()) {
      return;
    }
    const Packing packing = packing_of(layout_.format);
    const std::int64_t begin = first * layout_.frame;
    const std::int64_t pack = begin / packing.samples;
    const std::int64_t packs = (begin + std::ssize(samples) - 1) / packing.samples - pack + 1;
    bytes_.assign(static_cast<std::size_t>(packs * packing.bytes), 0);
    stream_.clear();
    stream_.seekg(layout_.offset + pack * packing.bytes);
    stream_.read(reinterpret_cast<char*>(bytes_.data()), std::ssize(bytes_));
    // Only the last pack of a file may be incomplete.
    require(!stream_.bad() && stream_.gcount() > std::ssize(bytes_) - packing.bytes,
            "{}: became shorter while it was read", layout_.path.string());
    unpack(layout_.format, bytes_, begin - pack * packing.samples, samples);
  }

 protected:
  const SourceLayout& layout() const { return layout_; }

 private:
  SourceLayout layout_;
  std::int64_t frames_ = 0;
  std::ifstream stream_;
  std::vector<unsigned char> bytes_;
};

// Format 8: a sample is the sum of all differences before it.
// Sums are stored at regular intervals, as far as the file has been read.
// Reading a window starts at the last stored sum before the window.
class DifferenceSource final : public PackedSource {
 public:
  explicit DifferenceSource(SourceLayout given)
      : PackedSource(std::move(given)), step_(std::max<std::int64_t>(64, samples_apart / layout().frame)) {
    const std::vector<std::int32_t>& initial = layout().initial;
    sums_.assign(initial.begin(), initial.end());
  }

  void read(std::int64_t first, std::span<std::int32_t> samples) override {
    const std::int64_t kept = std::ssize(sums_) / width();
    std::int64_t at = std::min(first / step_, kept - 1) * step_;
    auto sums = sums_at(at);
    while (at < first) {
      const std::int64_t count = std::min(step_ - at % step_, first - at);
      skipped_.resize(static_cast<std::size_t>(count * layout().frame));
      add(at, skipped_, sums);
      at += count;
    }
    for (std::size_t done = 0; done < samples.size();) {
      const std::int64_t count = std::min<std::int64_t>(
          (step_ - at % step_) * layout().frame, std::ssize(samples) - static_cast<std::int64_t>(done));
      add(at, samples.subspan(done, static_cast<std::size_t>(count)), sums);
      at += count / layout().frame;
      done += static_cast<std::size_t>(count);
    }
  }

 private:
  static constexpr std::int64_t samples_apart = 1 << 16;

  std::int64_t width() const { return std::ssize(layout().initial); }

  std::vector<std::uint32_t> sums_at(std::int64_t frame) const {
    const auto begin = sums_.begin() + frame / step_ * width();
    return {begin, begin + width()};
  }

  // Reads the differences from frame `at` onwards and replaces them by their running sums.
  // Stores the sums if the last frame read ends an interval.
  void add(std::int64_t at, std::span<std::int32_t> samples, std::vector<std::uint32_t>& sums) {
    PackedSource::read(at, samples);
    std::size_t i = 0;
    while (i < samples.size()) {
      for (std::size_t signal = 0; signal < sums.size(); ++signal) {
        for (int k = 0; k < layout().samples_per_frame[signal]; ++k, ++i) {
          sums[signal] += static_cast<std::uint32_t>(samples[i]);
          samples[i] = static_cast<std::int32_t>(sums[signal]);
        }
      }
    }
    const std::int64_t end = at + std::ssize(samples) / layout().frame;
    if (end % step_ == 0 && end / step_ == std::ssize(sums_) / width()) {
      sums_.insert(sums_.end(), sums.begin(), sums.end());
    }
  }

  std::int64_t step_;                // frames between stored sums
  std::vector<std::uint32_t> sums_;  // [frame / step_][signal], modulo 2^32
  std::vector<std::int32_t> skipped_;
};

}  // namespace

std::unique_ptr<SampleSource> open_source(SourceLayout layout) {
  const std::string file = layout.path.string();
  require(is_flac_format(layout.format) || packing_of(layout.format).samples > 0,
          "{}: format {} is not a WFDB signal format", file, layout.format);
  std::error_code reason;
  const fs::file_status status = fs::status(layout.path, reason);
  require(fs::exists(status), "{}: cannot open: {}", file, reason.message());
  require(fs::is_regular_file(status), "{}: expected a regular file", file);
  if (is_flac_format(layout.format)) {
    return open_flac_source(std::move(layout));
  }
  if (layout.format == 8) {
    return std::make_unique<DifferenceSource>(std::move(layout));
  }
  return std::make_unique<PackedSource>(std::move(layout));
}

}  // namespace sec::io
