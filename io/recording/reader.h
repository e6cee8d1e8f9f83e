// Reads recordings window by window, so that memory does not grow with a recording's length.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/recording/recording.h"

namespace sec::io {

// The slowest and the fastest sampling rate of a recording (Hz). A file that states another one is damaged.
inline constexpr double lowest_rate = 1e-6;
inline constexpr double highest_rate = 1e7;

// Throws Error unless `rate` (Hz) lies between them; `place` names the file and the place in it.
void require_rate(double rate, std::string_view place);

struct ReaderInfo {
  std::string name;
  double rate = 0;           // frames per second, Hz
  std::int64_t samples = 0;  // number of frames
  std::string start_time;    // "HH:MM:SS", empty if not known
  std::string start_date;    // "DD/MM/YYYY", empty if not known
  std::vector<Lead> leads;
  std::vector<int> samples_per_frame;  // per lead; a lead's own sampling rate is `rate` times this
  std::vector<std::string> comments;
  std::vector<std::string> left_out;  // channels of the file that are not leads, with the reason, a line each
  double annotation_rate = 0;         // Hz, unit of the annotations' sample numbers; 0: `rate`
};

class RecordingReader {
 public:
  RecordingReader() = default;
  virtual ~RecordingReader() = default;
  RecordingReader(const RecordingReader&) = delete;
  RecordingReader& operator=(const RecordingReader&) = delete;

  virtual const ReaderInfo& info() const = 0;

  // Fills leads[i] with `count` * samples_per_frame[i] physical samples from frame `begin` onwards.
  // Samples are in mV or the lead's own units; invalid samples are NaN. An empty span skips that lead.
  // Throws Error if the window is not inside the recording or a span has the wrong size.
  virtual void read(std::int64_t begin, std::int64_t count, std::span<const std::span<float>> leads) = 0;

  // Reads the same window as digital values (adu); invalid samples are `invalid_sample`.
  // Also throws Error if the format has no digital values.
  virtual void read_digital(std::int64_t begin, std::int64_t count,
                            std::span<const std::span<std::int32_t>> leads);

  // Reads everything once, block by block. Throws Error where the samples are not those that the recording's headers
  // promise: checksums, initial values, lengths. Returns warnings, a line each: a checksum of 0 beside samples that have
  // another one is a placeholder in public data, and proves nothing.
  virtual std::vector<std::string> verify();

  // The recording's own annotations in order of time, empty if it has none.
  // Their sample numbers are at annotation_rate(info()).
  virtual std::vector<Annotation> annotations() = 0;
};

// Throws Error, naming `record`,
// unless the window is inside the recording and the spans have the right sizes:
// each leads[i] is either empty or has room for `count` * samples_per_frame[i] samples.
template <typename T>
void require_window(const ReaderInfo& info, const std::string& record, std::int64_t begin, std::int64_t count,
                    std::span<const std::span<T>> leads);

double annotation_rate(const ReaderInfo& info);

// The number of samples per frame if it is the same for all leads, 0 if the leads have different rates.
int common_samples_per_frame(const ReaderInfo& info);

}  // namespace sec::io
