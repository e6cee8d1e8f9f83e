#include "tools/recording_blocks.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <optional>

#include "engine/error.h"
#include "io/recording_reader.h"
#include "io/wfdb_signal.h"

namespace sec::tools {
namespace {

namespace fs = std::filesystem;

// The signals that share a file, read frame by frame.
class SignalFile {
 public:
  SignalFile(fs::path path, const io::WfdbHeader& header, std::vector<std::size_t> members)
      : path_(std::move(path)),
        header_(header),
        members_(std::move(members)),
        stream_(path_, std::ios::binary) {
    require(stream_.is_open(), "{}: cannot open: {}", path_.string(), std::strerror(errno));
    stream_.seekg(header.signals[members_.front()].byte_offset);
    sums_.resize(members_.size());
  }

  // An even number of frames, fewer only at the end; into [signal][frame] adu.
  std::int64_t read(std::int64_t frames, std::vector<std::vector<std::int32_t>>& signals) {
    const bool packed = header_.signals[members_.front()].format == 212;
    const auto width = static_cast<std::int64_t>(members_.size());
    const std::int64_t samples = frames * width;
    bytes_.resize(static_cast<std::size_t>(packed ? samples / 2 * 3 + samples % 2 * 2 : samples * 2));
    stream_.read(bytes_.data(), std::ssize(bytes_));
    const std::int64_t got = stream_.gcount();
    const std::int64_t count = (packed ? got / 3 * 2 + (got % 3 == 2 ? 1 : 0) : got / 2) / width;
    for (std::int64_t m = 0; m < width; ++m) {
      std::vector<std::int32_t>& signal = signals[members_[m]];
      signal.resize(static_cast<std::size_t>(count));
      for (std::int64_t i = 0; i < count; ++i) {
        signal[i] = packed ? sample_212(i * width + m) : sample_16(i * width + m);
        sums_[m] += static_cast<std::uint32_t>(signal[i]);
      }
    }
    return count;
  }

  void check_sums() const {
    for (std::size_t m = 0; m < members_.size(); ++m) {
      const io::WfdbSignal& signal = header_.signals[members_[m]];
      const auto expected = static_cast<std::uint32_t>(signal.checksum.value_or(0)) & 0xffffU;
      require(!signal.checksum || (sums_[m] & 0xffffU) == expected,
              "{}: signal {} ({}): checksum of the samples is {}, the header says {}", path_.string(),
              members_[m], signal.description, static_cast<std::int16_t>(sums_[m]),
              static_cast<std::int16_t>(expected));
    }
  }

  const fs::path& path() const { return path_; }

 private:
  std::uint32_t byte(std::int64_t i) const { return static_cast<unsigned char>(bytes_[i]); }
  std::int32_t sample_16(std::int64_t i) const {
    return static_cast<std::int16_t>(byte(2 * i) | byte(2 * i + 1) << 8);
  }
  std::int32_t sample_212(std::int64_t i) const {
    const std::int64_t at = i / 2 * 3;
    const std::uint32_t middle = byte(at + 1);
    const std::uint32_t bits =
        i % 2 == 0 ? byte(at) | (middle & 0x0fU) << 8 : byte(at + 2) | (middle & 0xf0U) << 4;
    return static_cast<std::int32_t>(bits << 20) >> 20;
  }

  fs::path path_;
  const io::WfdbHeader& header_;
  std::vector<std::size_t> members_;
  std::ifstream stream_;
  std::string bytes_;
  std::vector<std::uint32_t> sums_;
};

// A record of formats 16 and 212 without skew, block by block.
class WfdbBlocks {
 public:
  WfdbBlocks(const fs::path& record, io::WfdbHeader header, std::int64_t block)
      : header_(std::move(header)), block_(block + block % 2), left_(header_.samples) {
    std::map<std::string, std::vector<std::size_t>> groups;
    for (std::size_t i = 0; i < header_.signals.size(); ++i) {
      groups[header_.signals[i].file].push_back(i);
    }
    for (auto& [file, members] : groups) {
      files_.emplace_back(record.parent_path() / file, header_, std::move(members));
    }
    digital_.resize(header_.signals.size());
  }

  static bool can_read(const io::WfdbHeader& header) {
    return std::ranges::all_of(header.signals, [&](const io::WfdbSignal& signal) {
      const auto first = std::ranges::find(header.signals, signal.file, &io::WfdbSignal::file);
      return (signal.format == 16 || signal.format == 212) && signal.samples_per_frame == 1 &&
             signal.skew == 0 && signal.units == "mV" && signal.format == first->format &&
             signal.byte_offset == first->byte_offset;
    });
  }

  bool next(std::vector<std::vector<float>>& samples) {
    const bool known = header_.samples > 0;
    const std::int64_t wanted = known ? std::min(block_, left_) : block_;
    std::optional<std::int64_t> count;
    for (SignalFile& file : files_) {
      const std::int64_t got = file.read(wanted, digital_);
      require(!known || got == wanted, "{}: truncated: {} samples a signal expected, {} found",
              file.path().string(), header_.samples, header_.samples - left_ + got);
      require(!count || *count == got, "{}: ends before the record's other files", file.path().string());
      count = got;
    }
    left_ -= *count;
    if (*count == 0) {
      std::ranges::for_each(files_, &SignalFile::check_sums);
      return false;
    }
    samples.resize(digital_.size());
    for (std::size_t s = 0; s < samples.size(); ++s) {
      const io::WfdbSignal& signal = header_.signals[s];
      const std::int32_t none = signal.format == 212 ? -2048 : -32768;
      samples[s].resize(digital_[s].size());
      std::ranges::transform(digital_[s], samples[s].begin(), [&](std::int32_t value) {
        return value == none
                   ? std::numeric_limits<float>::quiet_NaN()
                   : static_cast<float>((value - static_cast<double>(signal.baseline)) / signal.gain);
      });
    }
    return true;
  }

 private:
  io::WfdbHeader header_;
  std::int64_t block_;
  std::int64_t left_;  // frames, where the header says how many there are
  std::vector<SignalFile> files_;
  std::vector<std::vector<std::int32_t>> digital_;  // [signal][frame] adu
};

// Records in formats that the window reader decodes.
class ReaderBlocks {
 public:
  ReaderBlocks(const fs::path& record, std::int64_t block)
      : reader_(io::open_recording(record)), block_(block) {
    const io::ReaderInfo& info = reader_->info();
    for (std::size_t lead = 0; lead < info.leads.size(); ++lead) {
      require(info.samples_per_frame[lead] == 1,
              "{}.hea: lead {} has {} samples a frame; expected one sampling rate for all leads",
              record.string(), info.leads[lead].name, info.samples_per_frame[lead]);
    }
  }

  bool next(std::vector<std::vector<float>>& samples) {
    const std::int64_t count = std::min(block_, reader_->info().samples - at_);
    if (count <= 0) {
      return false;
    }
    samples.assign(reader_->info().leads.size(), std::vector<float>(static_cast<std::size_t>(count)));
    const std::vector<std::span<float>> leads(samples.begin(), samples.end());
    reader_->read(at_, count, leads);
    at_ += count;
    return true;
  }

 private:
  std::unique_ptr<io::RecordingReader> reader_;
  std::int64_t block_;
  std::int64_t at_ = 0;
};

// Records of formats 16 and 212 that are laid out otherwise, read whole.
class WholeRecord {
 public:
  WholeRecord(const fs::path& record, std::int64_t block)
      : recording_(io::read_record(record.parent_path(), record.filename().string())), block_(block) {}

  bool next(std::vector<std::vector<float>>& samples) {
    const std::int64_t count = std::min(block_, recording_.samples() - at_);
    samples.resize(recording_.signals.size());
    for (std::size_t lead = 0; lead < samples.size(); ++lead) {
      const auto begin = recording_.signals[lead].begin() + at_;
      samples[lead].assign(begin, begin + count);
    }
    at_ += count;
    return count > 0;
  }

 private:
  io::Recording recording_;
  std::int64_t block_;
  std::int64_t at_ = 0;
};

}  // namespace

RecordingBlocks open_blocks(const std::string& path, double seconds) {
  fs::path record(path);
  if (record.extension() == ".hea") {
    record.replace_extension();
  }
  if (!record.has_parent_path()) {
    record = fs::path(".") / record;
  }
  RecordingBlocks blocks;
  blocks.file = record.string() + ".hea";
  io::WfdbHeader header = io::read_wfdb_header(blocks.file);
  require(!header.signals.empty(), "{}: a record without signals", blocks.file);
  blocks.name = header.name;
  blocks.rate = header.rate;
  for (const io::WfdbSignal& signal : header.signals) {
    blocks.leads.push_back(signal.description);
  }
  const auto block = std::max<std::int64_t>(1, static_cast<std::int64_t>(seconds * header.rate));
  if (WfdbBlocks::can_read(header)) {
    const auto reader = std::make_shared<WfdbBlocks>(record, std::move(header), block);
    blocks.next = [reader](std::vector<std::vector<float>>& samples) { return reader->next(samples); };
  } else if (std::ranges::any_of(header.signals, [](const io::WfdbSignal& signal) {
               return signal.format != 16 && signal.format != 212;
             })) {
    const auto reader = std::make_shared<ReaderBlocks>(record, block);
    blocks.next = [reader](std::vector<std::vector<float>>& samples) { return reader->next(samples); };
  } else {
    const auto reader = std::make_shared<WholeRecord>(record, block);
    blocks.next = [reader](std::vector<std::vector<float>>& samples) { return reader->next(samples); };
  }
  return blocks;
}

}  // namespace sec::tools
