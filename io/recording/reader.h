// Recordings read a window at a time: memory does not grow with their length.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "io/recording/recording.h"

namespace sec::io {

struct ReaderInfo {
  std::string name;
  double rate = 0;           // frames a second, Hz
  std::int64_t samples = 0;  // frames
  std::string start_time;    // "HH:MM:SS", empty if not known
  std::string start_date;    // "DD/MM/YYYY", empty if not known
  std::vector<Lead> leads;
  std::vector<int> samples_per_frame;  // by lead; a lead's own rate is `rate` times this
  std::vector<std::string> comments;
  double annotation_rate = 0;  // Hz of the annotations' sample numbers; 0: `rate`
};

class RecordingReader {
 public:
  RecordingReader() = default;
  virtual ~RecordingReader() = default;
  RecordingReader(const RecordingReader&) = delete;
  RecordingReader& operator=(const RecordingReader&) = delete;

  virtual const ReaderInfo& info() const = 0;

  // Fills leads[i] with `count` * samples_per_frame[i] physical samples (mV, or the lead's own units) from
  // frame `begin` on; NaN where a sample is invalid. An empty span leaves that lead out. Throws Error if the
  // window leaves the recording or a span has another size.
  virtual void read(std::int64_t begin, std::int64_t count, std::span<const std::span<float>> leads) = 0;

  // The same window as the numbers of the converter (adu), `invalid_sample` where a sample is invalid. Throws
  // Error also if the format has no such numbers.
  virtual void read_digital(std::int64_t begin, std::int64_t count,
                            std::span<const std::span<std::int32_t>> leads);

  // Reads everything once, block by block. Throws Error where the samples are not those that the recording's headers
  // promise: checksums, initial values, lengths. Returns warnings, a line each: a checksum of 0 beside samples that have
  // another one is a placeholder in public data, and proves nothing.
  virtual std::vector<std::string> verify();

  // The recording's own annotations in order of time, their samples counted at annotation_rate(info()); none
  // if it has none.
  virtual std::vector<Annotation> annotations() = 0;
};

// Throws Error, naming `record`, unless the window lies inside the recording and leads[i] is empty or has
// room for `count` * samples_per_frame[i] samples.
template <typename T>
void require_window(const ReaderInfo& info, const std::string& record, std::int64_t begin, std::int64_t count,
                    std::span<const std::span<T>> leads);

double annotation_rate(const ReaderInfo& info);

}  // namespace sec::io
