// Where the time of a training goes (--profile): a tree of ranges with percentages, and a trace.
#pragma once

#include <optional>
#include <string>

#include "engine/range_recorder.h"

namespace sec::tools {

class TrainingProfile {
 public:
  explicit TrainingProfile(Stream& stream) : stream_(stream) {}  // the stream must outlive the profile

  // Starts to record, and tells NVIDIA's profilers to. With `trace` every single range is kept.
  void begin(bool trace);
  void end();  // without effect if nothing is being recorded

  bool has_trace() const { return recorder_ && traced_; }

  // The tree, one line per range: calls, milliseconds and percent of the recorded time.
  // The lines within a range sum up to it: what no nested range covers is "(other)", and ranges below
  // half a percent of the recorded time are one line. `steps` is the number of steps that were recorded.
  std::string text(std::int64_t steps) const;

  // The ranges as begin and end events in Chrome's trace event format (JSON), for chrome://tracing and Perfetto.
  std::string trace() const;

 private:
  Stream& stream_;
  bool traced_ = false;
  std::optional<RangeRecorder> recorder_;
  bool running_ = false;
};

}  // namespace sec::tools
