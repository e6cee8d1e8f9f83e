// Finds heartbeats in raw samples, as they come.
//
// The method is that of Hamilton 2002 ("Open source ECG analysis", Computers in Cardiology 29: 101-104),
// which descends from Pan & Tompkins 1985 and Hamilton & Tompkins 1986: band-pass around 8 to 16 Hz, slope,
// rectification, an average over 80 ms, and rules on the peaks of the result. Written from the papers; what
// was added is said where it is done. Thresholds follow the signal, so units do not matter, and the signal is
// looked at at 200 Hz whatever its own rate.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace sec::io {

class QrsDetector {
 public:
  // For signals of `rate` Hz in `leads` leads, whose slopes are added up. Throws Error on a rate outside 50
  // to 10,000 Hz, and without a lead.
  QrsDetector(double rate, std::size_t leads);
  ~QrsDetector();
  QrsDetector(QrsDetector&&) noexcept;
  QrsDetector& operator=(QrsDetector&&) noexcept;

  // The next samples, as many for each lead; those that are not finite count as the last one that was.
  // Appends the sample numbers of the R peaks found by now, in order of time: usually some 0.4 s after the
  // peak; one that only a search back finds, later; those of the first three seconds together.
  void push(std::span<const std::span<const float>> samples, std::vector<std::int64_t>& peaks);
  void finish(std::vector<std::int64_t>& peaks);  // no more samples: what is left

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// All R peaks of a signal in memory.
std::vector<std::int64_t> find_qrs(std::span<const float> signal, double rate);

}  // namespace sec::io
