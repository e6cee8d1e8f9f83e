// Random access to the samples of one WFDB signal file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

namespace sec::io {

// A signal file as described by the header. All its signals share one format and byte offset.
struct SourceLayout {
  std::filesystem::path path;
  int format = 0;
  std::int64_t offset = 0;             // bytes before the first sample or the FLAC stream
  std::vector<int> samples_per_frame;  // one entry per signal of the file
  std::vector<std::int32_t> initial;   // per signal; start values for the differences of format 8
  std::int64_t frame = 0;              // samples per frame, summed over all signals
};

class SampleSource {
 public:
  SampleSource() = default;
  virtual ~SampleSource() = default;
  SampleSource(const SampleSource&) = delete;
  SampleSource& operator=(const SampleSource&) = delete;

  virtual std::int64_t frames() const = 0;

  // Fills `samples` with whole frames from frame `first` onwards, in file order:
  // frame by frame, and within a frame signal by signal. Invalid samples keep the format's own marker value.
  // The requested frames must exist. Throws Error on a damaged file.
  virtual void read(std::int64_t first, std::span<std::int32_t> samples) = 0;
};

// Opens the file. Throws Error if it is missing, ends before its samples begin, or has an unsupported format.
std::unique_ptr<SampleSource> open_source(SourceLayout layout);

// Opens a file in FLAC format 508, 516 or 524.
std::unique_ptr<SampleSource> open_flac_source(SourceLayout layout);

}  // namespace sec::io
