// The filter that makes QRS complexes stand out, see io/signal/qrs_detector.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sec::io {

constexpr double qrs_rate = 200;  // Hz, sampling rate for QRS detection

// The mean of the last `width` values. At the start, the first value stands in for missing earlier ones.
class MovingMean {
 public:
  explicit MovingMean(std::size_t width) : values_(width) {}

  double push(double value);

 private:
  std::vector<double> values_;
  std::size_t next_ = 0;
  double sum_ = 0;
  bool started_ = false;
};

// Filters one lead sample by sample. The input must be sampled at qrs_rate.
class QrsFilter {
 public:
  // Returns the slope of the band-passed signal, rectified and averaged over 80 ms.
  double push(double sample);

  // The delay of the output, in samples.
  static constexpr std::int64_t delay = 25;

 private:
  MovingMean smooth_ = MovingMean(5);  // applied twice, 25 ms each: removes half of 50 Hz and most of 60 Hz
  MovingMean smooth_again_ = MovingMean(5);
  MovingMean trend_ = MovingMean(25);  // 125 ms
  MovingMean energy_ = MovingMean(16);
  std::vector<double> history_ = std::vector<double>(13);  // smoothed signal, back to trend_'s middle
  std::size_t at_ = 0;
  double before_[2] = {};
  int seen_ = 0;
};

}  // namespace sec::io
