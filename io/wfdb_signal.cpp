#include "io/wfdb_signal.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <span>

#include "engine/error.h"
#include "io/atomic_file.h"
#include "io/read_file.h"

namespace sec::io {
namespace {

namespace fs = std::filesystem;

std::int32_t invalid_in(int format) {
  return format == 212 ? -2048 : -32768;
}

std::uint32_t byte_at(std::string_view bytes, std::size_t i) {
  return static_cast<unsigned char>(bytes[i]);
}

// Format 16: two bytes a sample, little-endian.
void decode_16(std::string_view bytes, std::span<std::int32_t> samples) {
  for (std::size_t i = 0; i < samples.size(); ++i) {
    samples[i] = static_cast<std::int16_t>(byte_at(bytes, 2 * i) | byte_at(bytes, 2 * i + 1) << 8);
  }
}

std::int32_t sign_extend_12(std::uint32_t bits) {
  return static_cast<std::int32_t>(bits << 20) >> 20;
}

// Format 212: two 12-bit samples in three bytes; the middle byte holds the upper bits of both, the first
// sample's in its lower half. An odd last sample takes two bytes.
void decode_212(std::string_view bytes, std::span<std::int32_t> samples) {
  for (std::size_t i = 0; i < samples.size(); i += 2) {
    const std::size_t at = i / 2 * 3;
    const std::uint32_t middle = byte_at(bytes, at + 1);
    samples[i] = sign_extend_12(byte_at(bytes, at) | (middle & 0x0fU) << 8);
    if (i + 1 < samples.size()) {
      samples[i + 1] = sign_extend_12(byte_at(bytes, at + 2) | (middle & 0xf0U) << 4);
    }
  }
}

std::string encode_16(std::span<const std::int32_t> samples) {
  std::string bytes;
  bytes.reserve(samples.size() * 2);
  for (const std::int32_t sample : samples) {
    bytes += static_cast<char>(sample & 0xff);
    bytes += static_cast<char>(sample >> 8 & 0xff);
  }
  return bytes;
}

std::string encode_212(std::span<const std::int32_t> samples) {
  std::string bytes;
  bytes.reserve(samples.size() / 2 * 3 + 2);
  for (std::size_t i = 0; i < samples.size(); i += 2) {
    const std::int32_t first = samples[i];
    const std::int32_t second = i + 1 < samples.size() ? samples[i + 1] : 0;
    bytes += static_cast<char>(first & 0xff);
    bytes += static_cast<char>((first >> 8 & 0x0f) | (second >> 4 & 0xf0));
    if (i + 1 < samples.size()) {
      bytes += static_cast<char>(second & 0xff);
    }
  }
  return bytes;
}

// How many samples `bytes` hold.
std::uint64_t capacity(int format, std::uint64_t bytes) {
  return format == 212 ? bytes / 3 * 2 + (bytes % 3 == 2 ? 1 : 0) : bytes / 2;
}

std::uint32_t checksum_of(std::span<const std::int32_t> samples) {
  std::uint32_t sum = 0;
  for (const std::int32_t sample : samples) {
    sum += static_cast<std::uint32_t>(sample);
  }
  return sum & 0xffffU;
}

// Reads the signals that share one file, sample by sample in turn, into `signals`.
void read_group(const fs::path& path, const WfdbHeader& header, const std::vector<std::size_t>& members,
                std::vector<std::vector<std::int32_t>>& signals) {
  const WfdbSignal& first = header.signals[members.front()];
  const std::string content = read_file(path);
  require(static_cast<std::uint64_t>(first.byte_offset) <= content.size(),
          "{}: {} bytes, but its samples begin at byte {}", path.string(), content.size(), first.byte_offset);
  const std::string_view bytes =
      std::string_view(content).substr(static_cast<std::size_t>(first.byte_offset));
  const std::uint64_t width = members.size();
  const std::uint64_t found = capacity(first.format, bytes.size()) / width;
  const std::uint64_t frames = header.samples == 0 ? found : static_cast<std::uint64_t>(header.samples);
  require(frames <= found, "{}: truncated: {} samples a signal expected, {} found", path.string(), frames,
          found);
  std::vector<std::int32_t> flat(frames * width);
  if (first.format == 212) {
    decode_212(bytes, flat);
  } else {
    decode_16(bytes, flat);
  }
  for (std::size_t m = 0; m < width; ++m) {
    const WfdbSignal& described = header.signals[members[m]];
    std::vector<std::int32_t>& samples = signals[members[m]];
    samples.resize(frames);
    for (std::size_t i = 0; i < frames; ++i) {
      samples[i] = flat[i * width + m];
    }
    const std::string_view lead = described.description;
    require(!described.initial || frames == 0 || samples.front() == *described.initial,
            "{}: signal {} ({}): first sample is {}, the header says {}", path.string(), members[m], lead,
            samples.empty() ? 0 : samples.front(), described.initial.value_or(0));
    if (described.checksum) {
      const auto expected = static_cast<std::uint32_t>(*described.checksum) & 0xffffU;
      const std::uint32_t sum = checksum_of(samples);
      require(sum == expected, "{}: signal {} ({}): checksum of the samples is {}, the header says {}",
              path.string(), members[m], lead, static_cast<std::int16_t>(sum),
              static_cast<std::int16_t>(expected));
    }
    std::ranges::replace(samples, invalid_in(described.format), invalid_sample);
    const auto late = std::min<std::size_t>(static_cast<std::size_t>(described.skew), frames);
    std::shift_left(samples.begin(), samples.end(), static_cast<std::ptrdiff_t>(late));
    std::fill(samples.end() - static_cast<std::ptrdiff_t>(late), samples.end(), invalid_sample);
  }
}

// The factor that turns a voltage's unit into mV; 0 for other quantities.
double millivolts_per(std::string_view unit) {
  if (unit == "mV") {
    return 1;
  }
  if (unit == "V") {
    return 1e3;
  }
  if (unit == "uV" || unit == "\xc2\xb5V" || unit == "\xce\xbcV") {  // u, micro sign, Greek mu
    return 1e-3;
  }
  return unit == "nV" ? 1e-6 : 0;
}

}  // namespace

DigitalRecord read_digital(const fs::path& folder, const std::string& name) {
  const fs::path relative(name);
  require(!name.empty() && relative.is_relative() &&
              std::ranges::none_of(relative, [](const fs::path& part) { return part == ".."; }),
          "'{}' is not the name of a record in {}", name, folder.string());
  const fs::path path = folder / (name + ".hea");
  DigitalRecord record{read_wfdb_header(path), {}};
  std::map<std::string, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < record.header.signals.size(); ++i) {
    const WfdbSignal& signal = record.header.signals[i];
    require(signal.format == 16 || signal.format == 212,
            "{}: signal {}: format {} is not supported, expected 16 or 212", path.string(), i, signal.format);
    require(signal.samples_per_frame == 1, "{}: signal {}: {} samples a frame are not supported, expected 1",
            path.string(), i, signal.samples_per_frame);
    std::vector<std::size_t>& members = groups[signal.file];
    members.push_back(i);
    const WfdbSignal& first = record.header.signals[members.front()];
    require(signal.format == first.format && signal.byte_offset == first.byte_offset,
            "{}: signals {} and {} share {} but differ in format or byte offset", path.string(),
            members.front(), i, signal.file);
  }
  record.signals.resize(record.header.signals.size());
  for (const auto& [file, members] : groups) {
    read_group(path.parent_path() / file, record.header, members, record.signals);
  }
  for (std::size_t i = 1; i < record.signals.size(); ++i) {
    require(record.signals[i].size() == record.signals[0].size(),
            "{}: signals 0 and {} have {} and {} samples, expected the same number", path.string(), i,
            record.signals[0].size(), record.signals[i].size());
  }
  return record;
}

Recording to_recording(const DigitalRecord& record) {
  Recording result;
  result.name = record.header.name;
  result.rate = record.header.rate;
  result.comments = record.header.comments;
  for (std::size_t s = 0; s < record.signals.size(); ++s) {
    const WfdbSignal& signal = record.header.signals[s];
    const double voltage = millivolts_per(signal.units);
    const double gain = voltage == 0 ? signal.gain : signal.gain / voltage;
    result.leads.push_back(
        {signal.description, voltage == 0 ? signal.units : "mV", gain, signal.baseline, signal.resolution});
    std::vector<float>& values = result.signals.emplace_back(record.signals[s].size());
    std::ranges::transform(record.signals[s], values.begin(), [&](std::int32_t sample) {
      return sample == invalid_sample
                 ? std::numeric_limits<float>::quiet_NaN()
                 : static_cast<float>((sample - static_cast<double>(signal.baseline)) / gain);
    });
  }
  return result;
}

Recording read_record(const fs::path& folder, const std::string& name) {
  return to_recording(read_digital(folder, name));
}

void write_digital(const fs::path& folder, const DigitalRecord& record) {
  WfdbHeader header = record.header;
  const std::string file = header.name + ".dat";
  const fs::path path = folder / file;
  require(!header.signals.empty() && header.signals.size() == record.signals.size(),
          "{}: {} signals described, {} given", path.string(), header.signals.size(), record.signals.size());
  const int format = header.signals.front().format;
  require(format == 16 || format == 212, "{}: format {} cannot be written, expected 16 or 212", path.string(),
          format);
  const std::size_t width = record.signals.size();
  const std::size_t frames = record.signals.front().size();
  const std::int32_t lowest = invalid_in(format);
  std::vector<std::int32_t> flat(frames * width);
  for (std::size_t s = 0; s < width; ++s) {
    WfdbSignal& signal = header.signals[s];
    const std::vector<std::int32_t>& samples = record.signals[s];
    require(signal.format == format && signal.skew == 0 && signal.samples_per_frame == 1,
            "{}: signal {}: expected format {} without skew, one sample a frame", path.string(), s, format);
    require(samples.size() == frames, "{}: signal {} has {} samples, signal 0 has {}", path.string(), s,
            samples.size(), frames);
    for (std::size_t i = 0; i < frames; ++i) {
      const std::int32_t sample = samples[i] == invalid_sample ? lowest : samples[i];
      require(sample >= lowest && sample < -lowest, "{}: signal {}: sample {} is {}, expected {} to {}",
              path.string(), s, i, sample, lowest + 1, -lowest - 1);
      flat[i * width + s] = sample;
    }
    signal.file = file;
    signal.byte_offset = 0;
    signal.block_size = 0;
    signal.initial = frames == 0 ? 0 : flat[s];
    std::uint32_t sum = 0;
    for (std::size_t i = s; i < flat.size(); i += width) {
      sum += static_cast<std::uint32_t>(flat[i]);
    }
    signal.checksum = static_cast<std::int16_t>(sum & 0xffffU);
  }
  header.samples = static_cast<std::int64_t>(frames);
  const std::string text = wfdb_header_text(header);
  write_atomically(path, format == 212 ? encode_212(flat) : encode_16(flat));
  write_atomically(folder / (header.name + ".hea"), text);
}

}  // namespace sec::io
