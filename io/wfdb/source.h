// The samples of one WFDB signal file, read from any frame on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

namespace sec::io {

// What the header says of a signal file. All its signals have the format and byte offset in common.
struct SourceLayout {
  std::filesystem::path path;
  int format = 0;
  std::int64_t offset = 0;             // bytes before the first sample, or before a FLAC stream
  std::vector<int> samples_per_frame;  // by signal of the file
  std::vector<std::int32_t> initial;   // by signal: what the differences of format 8 start from
  std::int64_t frame = 0;              // samples of all signals
};

class SampleSource {
 public:
  SampleSource() = default;
  virtual ~SampleSource() = default;
  SampleSource(const SampleSource&) = delete;
  SampleSource& operator=(const SampleSource&) = delete;

  virtual std::int64_t frames() const = 0;

  // Fills `samples`, a whole number of frames from `first` on, as they lie in the file: frame by frame, of
  // each the first signal's samples, then the second's. Invalid samples stay the format's own number.
  // The frames asked for are there. Throws Error on a damaged file.
  virtual void read(std::int64_t first, std::span<std::int32_t> samples) = 0;
};

// Opens the file. Throws Error if it is missing, ends before its samples begin, or has a format that cannot
// be read.
std::unique_ptr<SampleSource> open_source(SourceLayout layout);

// The same of FLAC formats 508, 516 and 524.
std::unique_ptr<SampleSource> open_flac_source(SourceLayout layout);

}  // namespace sec::io
