// Detects heartbeats in a stream of raw samples.
//
// The method follows Hamilton 2002 ("Open source ECG analysis", Computers in Cardiology 29: 101-104).
// Hamilton builds on Pan & Tompkins 1985 and Hamilton & Tompkins 1986.
// Its stages are a band-pass around 8 to 16 Hz, slope, rectification, an 80 ms average,
// and rules on the peaks of the result.
// The code is written from the papers; comments mark additions.
// Thresholds adapt to the signal, so its units do not matter.
// The signal is resampled to 200 Hz for detection.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace sec::io {

class QrsDetector {
 public:
  // For signals of `leads` leads at `rate` Hz; the slopes of all leads are summed.
  // Throws Error on a rate outside 50 to 10,000 Hz, and on 0 leads.
  QrsDetector(double rate, std::size_t leads);
  ~QrsDetector();
  QrsDetector(QrsDetector&&) noexcept;
  QrsDetector& operator=(QrsDetector&&) noexcept;

  // Processes the next samples, the same number for each lead.
  // The last finite sample replaces samples that are not finite.
  // Appends the sample numbers of newly found R peaks, in order of time.
  // A peak is usually reported about 0.4 s after it occurs, later if only a search back finds it.
  // A peak is usually reported about 0.4 s after it occurs, later if only a search back finds it.
  // The first peaks are reported together: three seconds after the first QRS complex or, while peaks differ too much to
  // tell QRS complexes from artifacts, up to eight.
  void push(std::span<const std::span<const float>> samples, std::vector<std::int64_t>& peaks);
  void finish(std::vector<std::int64_t>& peaks);  // call after the last samples; appends the remaining peaks

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// All R peaks of a single-lead signal in memory.
std::vector<std::int64_t> find_qrs(std::span<const float> signal, double rate);

}  // namespace sec::io
