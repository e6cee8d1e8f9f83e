#include "io/wfdb/signal.h"

#include <algorithm>
#include <limits>
#include <span>

#include "engine/error.h"
#include "io/files/file_group.h"
#include "io/wfdb/formats.h"
#include "io/wfdb/reader.h"

namespace sec::io {
namespace {

namespace fs = std::filesystem;

// Checks that all signals can be written to one file in one format.
void check_writable(const DigitalRecord& record, const std::string& path) {
  const std::vector<WfdbSignal>& signals = record.header.signals;
  require(!signals.empty() && signals.size() == record.signals.size(), "{}: {} signals described, {} given",
          path, signals.size(), record.signals.size());
  const int format = signals.front().format;
  require(format == 16 || format == 24 || format == 212,
          "{}: format {} cannot be written, expected 16, 24 or 212", path, format);
  std::size_t frames = 0;
  for (std::size_t s = 0; s < signals.size(); ++s) {
    require(signals[s].format == format && signals[s].skew == 0 && signals[s].samples_per_frame > 0,
            "{}: signal {}: expected format {} without skew", path, s, format);
    frames = s == 0 ? record.signals[0].size() / signals[0].samples_per_frame : frames;
    require(record.signals[s].size() == frames * signals[s].samples_per_frame,
            "{}: signal {} has {} samples, signal 0 has {}", path, s, record.signals[s].size(),
            record.signals.front().size());
  }
}

}  // namespace

DigitalRecord read_digital(const fs::path& folder, const std::string& name, bool verify) {
  const fs::path relative(name);
  require(!name.empty() && relative.is_relative() &&
              std::ranges::none_of(relative, [](const fs::path& part) { return part == ".."; }),
          "'{}' is not the name of a record in {}", name, folder.string());
  const fs::path path = folder / (name + ".hea");
  DigitalRecord record{read_wfdb_header(path), {}};
  require(record.header.segments.empty(), "{}: a multi-segment record cannot be read as a whole",
          path.string());
  for (std::size_t i = 0; i < record.header.signals.size(); ++i) {
    require(record.header.signals[i].format != 0, "{}: signal {} has no samples", path.string(), i);
  }
  const auto reader = open_wfdb(path);
  if (verify) {  // before allocating memory for the number of samples that the header claims
    record.warnings = reader->verify();
  }
  record.signals.resize(record.header.signals.size());
  std::vector<std::span<std::int32_t>> spans;
  for (std::size_t i = 0; i < record.signals.size(); ++i) {
    record.signals[i].resize(
        static_cast<std::size_t>(reader->info().samples * record.header.signals[i].samples_per_frame));
    spans.emplace_back(record.signals[i]);
  }
  reader->read_digital(0, reader->info().samples, spans);
  return record;
}

Recording to_recording(const DigitalRecord& record) {
  Recording result;
  result.name = record.header.name;
  result.rate = record.header.rate;
  result.comments = record.header.comments;
  result.warnings = record.warnings;
  for (std::size_t s = 0; s < record.signals.size(); ++s) {
    const WfdbSignal& signal = record.header.signals[s];
    result.samples_per_frame = s == 0 ? signal.samples_per_frame : result.samples_per_frame;
    require(signal.samples_per_frame == result.samples_per_frame,
            "{}.hea: signal {} has {} samples per frame, signal 0 has {}, expected one rate for all signals",
            record.header.name, s, signal.samples_per_frame, result.samples_per_frame);
    const Lead& lead = result.leads.emplace_back(lead_of(signal));
    std::vector<float>& values = result.signals.emplace_back(record.signals[s].size());
    std::ranges::transform(record.signals[s], values.begin(), [&](std::int32_t sample) {
      return sample == invalid_sample
                 ? std::numeric_limits<float>::quiet_NaN()
                 : static_cast<float>((sample - static_cast<double>(lead.baseline)) / lead.gain);
    });
  }
  result.rate *= result.samples_per_frame;
  return result;
}

Recording read_record(const fs::path& folder, const std::string& name, bool verify) {
  return to_recording(read_digital(folder, name, verify));
}

void write_digital(const fs::path& folder, const DigitalRecord& record) {
  WfdbHeader header = record.header;
  const std::string file = header.name + ".dat";
  const fs::path path = folder / file;
  check_writable(record, path.string());
  const int format = header.signals.front().format;
  const std::int32_t lowest = invalid_in(format);
  std::size_t frame = 0;
  for (const WfdbSignal& signal : header.signals) {
    frame += signal.samples_per_frame;
  }
  const std::size_t frames = record.signals.front().size() / header.signals.front().samples_per_frame;
  std::vector<std::int32_t> flat(frames * frame);
  std::size_t at = 0;  // offset of the signal within a frame
  for (std::size_t s = 0; s < header.signals.size(); ++s) {
    WfdbSignal& signal = header.signals[s];
    const std::vector<std::int32_t>& samples = record.signals[s];
    const std::size_t each = signal.samples_per_frame;
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const std::int32_t sample = samples[i] == invalid_sample ? lowest : samples[i];
      require(sample >= lowest && sample < -lowest, "{}: signal {}: sample {} is {}, expected {} to {}",
              path.string(), s, i, sample, lowest + 1, -lowest - 1);
      flat[i / each * frame + at + i % each] = sample;
      sum += static_cast<std::uint32_t>(sample);
    }
    signal.file = file;
    signal.byte_offset = 0;
    signal.block_size = 0;
    signal.initial = frames == 0 ? 0 : flat[at];
    signal.checksum = static_cast<std::int16_t>(sum & 0xffffU);
    at += each;
  }
  header.samples = static_cast<std::int64_t>(frames);
  const std::string text = wfdb_header_text(header);
  std::string bytes;
  pack(format, flat, bytes);
  FileGroup files;
  files.add(path).write(bytes);
  files.head(folder / (header.name + ".hea")).write(text);
  files.commit();
}

}  // namespace sec::io
