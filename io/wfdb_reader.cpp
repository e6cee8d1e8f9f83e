// WFDB records a window at a time: single-segment, formats 16, 24, 32, 61, 80, 160, 212, 310 and 311 (WFDB
// Applications Guide, signal(5)). Checksums need whole files: read_digital verifies them.
#include "io/wfdb_reader.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <map>

#include "engine/error.h"
#include "io/wfdb_annotation.h"
#include "io/wfdb_signal.h"

namespace sec::io {
namespace {

namespace fs = std::filesystem;

// `samples` samples lie in `bytes` bytes; only whole packs can be addressed.
struct Packing {
  int samples;
  int bytes;
};

Packing packing_of(int format) {
  switch (format) {
    case 80:
      return {1, 1};
    case 16:
    case 61:
    case 160:
      return {1, 2};
    case 24:
      return {1, 3};
    case 32:
      return {1, 4};
    case 212:
      return {2, 3};
    case 310:
    case 311:
      return {3, 4};
    default:
      return {0, 0};
  }
}

std::int32_t signed_bits(std::uint32_t value, int bits) {
  return static_cast<std::int32_t>(value << (32 - bits)) >> (32 - bits);
}

// Sample `i` of the pack that begins at `p`.
std::int32_t decode(int format, const unsigned char* p, int i) {
  const auto word = [&](int at) { return p[at] | static_cast<std::uint32_t>(p[at + 1]) << 8; };
  switch (format) {
    case 80:
      return p[0] - 128;
    case 16:
      return signed_bits(word(0), 16);
    case 61:
      return signed_bits(static_cast<std::uint32_t>(p[0]) << 8 | p[1], 16);
    case 160:
      return static_cast<std::int32_t>(word(0)) - 32768;
    case 24:
      return signed_bits(word(0) | static_cast<std::uint32_t>(p[2]) << 16, 24);
    case 32:
      return static_cast<std::int32_t>(word(0) | word(2) << 16);
    case 212:
      return i == 0 ? signed_bits(p[0] | (p[1] & 0x0fU) << 8, 12)
                    : signed_bits(p[2] | (p[1] & 0xf0U) << 4, 12);
    case 310:
      return i == 0   ? signed_bits(word(0) >> 1 & 0x3ffU, 10)
             : i == 1 ? signed_bits(word(2) >> 1 & 0x3ffU, 10)
                      : signed_bits(word(0) >> 11 | (word(2) >> 11) << 5, 10);
    default:  // 311
      return signed_bits((word(0) | word(2) << 16) >> (10 * i) & 0x3ffU, 10);
  }
}

std::int32_t invalid_of(int format) {
  switch (format) {
    case 80:
      return -128;
    case 212:
      return -2048;
    case 310:
    case 311:
      return -512;
    case 24:
      return -(1 << 23);
    case 32:
      return std::numeric_limits<std::int32_t>::min();
    default:
      return -32768;
  }
}

struct File {
  fs::path path;
  std::ifstream stream;
  std::vector<std::size_t> members;
  int format = 0;
  std::int64_t offset = 0;
  std::int64_t frame = 0;  // samples of all members
  std::int64_t skew = 0;   // the largest
  std::int64_t frames = 0;
};

constexpr std::int64_t largest_frame = 1 << 20;
constexpr std::int64_t samples_at_once = 1 << 16;

class WfdbReader final : public RecordingReader {
 public:
  WfdbReader(const fs::path& folder, const std::string& name)
      : record_(folder / name), header_(read_wfdb_header(folder / (name + ".hea"))) {
    DigitalRecord described{header_, std::vector<std::vector<std::int32_t>>(header_.signals.size())};
    info_.leads = to_recording(described).leads;
    info_.name = header_.name;
    info_.rate = header_.rate;
    info_.start_time = header_.base_time;
    info_.start_date = header_.base_date;
    info_.comments = header_.comments;
    std::map<std::string, std::size_t> index;
    for (std::size_t i = 0; i < header_.signals.size(); ++i) {
      const WfdbSignal& s = header_.signals[i];
      info_.samples_per_frame.push_back(s.samples_per_frame);
      require(packing_of(s.format).samples > 0, "{}.hea: signal {}: format {} cannot be read in windows",
              record_.string(), i, s.format);
      const auto [at, fresh] = index.try_emplace(s.file, files_.size());
      if (fresh) {
        File& made = files_.emplace_back();
        made.path = folder / s.file;
        made.format = s.format;
        made.offset = s.byte_offset;
      }
      File& file = files_[at->second];
      file.members.push_back(i);
      require(file.format == s.format && file.offset == s.byte_offset,
              "{}.hea: signals {} and {} share {} but differ in format or byte offset", record_.string(),
              file.members.front(), i, s.file);
      file.frame += s.samples_per_frame;
      file.skew = std::max<std::int64_t>(file.skew, s.skew);
      require(file.frame <= largest_frame, "{}.hea: frames of more than {} samples", record_.string(),
              largest_frame);
    }
    // Without a length in the header, as many as the shortest file holds.
    std::int64_t least = header_.samples > 0 || files_.empty() ? header_.samples : INT64_MAX;
    for (File& file : files_) {
      open(file);
      require(header_.samples == 0 || header_.samples <= file.frames,
              "{}: truncated: {} samples a signal expected, {} found", file.path.string(), header_.samples,
              file.frames);
      least = std::min(least, file.frames);
    }
    info_.samples = least;
  }

  const ReaderInfo& info() const override { return info_; }

  void read(std::int64_t begin, std::int64_t count, std::span<const std::span<float>> leads) override {
    read_window(begin, count, leads, std::numeric_limits<float>::quiet_NaN(),
                [this](std::size_t lead, std::int32_t value) {
                  return static_cast<float>((value - static_cast<double>(header_.signals[lead].baseline)) /
                                            info_.leads[lead].gain);
                });
  }

  void read_digital(std::int64_t begin, std::int64_t count,
                    std::span<const std::span<std::int32_t>> leads) override {
    read_window(begin, count, leads, invalid_sample,
                [](std::size_t /*lead*/, std::int32_t value) { return value; });
  }

  std::vector<Annotation> annotations() override {
    const fs::path path = record_.string() + ".atr";
    return fs::exists(path) ? read_annotations(path, info_.rate) : std::vector<Annotation>{};
  }

 private:
  // convert(lead, adu) gives what is asked for of a valid sample.
  template <typename T, typename Convert>
  void read_window(std::int64_t begin, std::int64_t count, std::span<const std::span<T>> leads, T invalid,
                   const Convert& convert) {
    require_window(info_, record_.string(), begin, count, leads);
    for (const std::span<T> lead : leads) {
      std::ranges::fill(lead, invalid);
    }
    for (File& file : files_) {
      // Signals that lie late in the file end beyond the window; beyond the record they are invalid.
      const std::int64_t end = std::min(begin + count + file.skew, info_.samples);
      const std::int64_t step = std::max<std::int64_t>(1, samples_at_once / file.frame);
      for (std::int64_t at = begin; at < end; at += step) {
        read_frames(file, at, std::min(step, end - at), begin, count, leads, convert);
      }
    }
  }

  static void open(File& file) {
    require(fs::is_regular_file(file.path), "{}: expected a regular file", file.path.string());
    const auto size = static_cast<std::int64_t>(fs::file_size(file.path));
    require(file.offset <= size, "{}: {} bytes, but its samples begin at byte {}", file.path.string(), size,
            file.offset);
    const Packing pack = packing_of(file.format);
    const std::int64_t rest = (size - file.offset) % pack.bytes;
    std::int64_t samples = (size - file.offset) / pack.bytes * pack.samples;
    samples += pack.samples > 1 ? rest / 2 : 0;  // 2 bytes hold one sample of 212, 310 and 311, 3 no more
    samples += file.format == 311 && rest == 3 ? 1 : 0;
    file.frames = samples / file.frame;
    file.stream.open(file.path, std::ios::binary);
    require(file.stream.is_open(), "{}: cannot open", file.path.string());
  }

  template <typename T, typename Convert>
  void read_frames(File& file, std::int64_t at, std::int64_t frames, std::int64_t begin, std::int64_t count,
                   std::span<const std::span<T>> leads, const Convert& convert) {
    const Packing pack = packing_of(file.format);
    const std::int64_t first = at * file.frame;
    const std::int64_t pack_at = first / pack.samples;
    const std::int64_t packs = (first + frames * file.frame - 1) / pack.samples - pack_at + 1;
    bytes_.assign(static_cast<std::size_t>(packs * pack.bytes), 0);
    file.stream.clear();
    file.stream.seekg(file.offset + pack_at * pack.bytes);
    file.stream.read(reinterpret_cast<char*>(bytes_.data()), std::ssize(bytes_));
    require(!file.stream.bad() && file.stream.gcount() > std::ssize(bytes_) - pack.bytes,
            "{}: became shorter while it was read", file.path.string());
    std::int64_t sample = first - pack_at * pack.samples;
    for (std::int64_t f = 0; f < frames; ++f) {
      for (const std::size_t m : file.members) {
        const WfdbSignal& s = header_.signals[m];
        const std::int64_t to = at + f - s.skew - begin;
        const bool wanted = !leads[m].empty() && to >= 0 && to < count;
        for (int k = 0; k < s.samples_per_frame; ++k, ++sample) {
          if (!wanted) {
            continue;
          }
          const unsigned char* p = bytes_.data() + sample / pack.samples * pack.bytes;
          const std::int32_t value = decode(file.format, p, static_cast<int>(sample % pack.samples));
          if (value != invalid_of(file.format)) {
            leads[m][static_cast<std::size_t>(to * s.samples_per_frame + k)] = convert(m, value);
          }
        }
      }
    }
  }

  fs::path record_;
  WfdbHeader header_;
  ReaderInfo info_;
  std::vector<File> files_;
  std::vector<unsigned char> bytes_;
};

}  // namespace

std::unique_ptr<RecordingReader> open_wfdb(const fs::path& path) {
  fs::path record = path;
  if (record.extension() == ".hea") {
    record.replace_extension();
  }
  return std::make_unique<WfdbReader>(record.parent_path(), record.filename().string());
}

std::unique_ptr<RecordingReader> open_recording(const fs::path& path) {
  return open_wfdb(path);
}

}  // namespace sec::io
