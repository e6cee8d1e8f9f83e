// The signal in which QRS complexes stand out: see io/signal/qrs_detector.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sec::io {

constexpr double qrs_rate = 200;  // Hz, at which QRS complexes are looked for

// The mean of the last `width` values; before there are as many, the first one stands for those missing.
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

// One lead at qrs_rate, filtered sample by sample.
class QrsFilter {
 public:
  // The slope of the band-passed signal, rectified, averaged over 80 ms.
  double push(double sample);

  // By how many samples the result is late.
  static constexpr std::int64_t delay = 25;

 private:
  MovingMean smooth_ = MovingMean(5);  // twice 25 ms: half of 50 Hz and most of 60 Hz is gone
  MovingMean smooth_again_ = MovingMean(5);
  MovingMean trend_ = MovingMean(25);  // 125 ms
  MovingMean energy_ = MovingMean(16);
  std::vector<double> history_ = std::vector<double>(13);  // of the smoothed signal, to the trend's middle
  std::size_t at_ = 0;
  double before_[2] = {};
  int seen_ = 0;
};

}  // namespace sec::io
